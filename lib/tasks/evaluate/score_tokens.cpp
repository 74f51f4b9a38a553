#include "tasks/evaluate/score_tokens.h"

#include <optional>
#include <utility>

#include "base/file.h"
#include "base/number_text.h"
#include "tasks/evaluate/evaluate.h"
#include "tasks/evaluate/evaluation_saves.h"
#include "tasks/evaluate/given_words.h"
#include "tasks/evaluate/importance_record.h"
#include "tasks/evaluate/report_hashes.h"

namespace lm {
namespace {

ReportFrame frame_of(const TextModel& model, const WindowPlan& plan, const EvaluationRequest& request) {
  ReportFrame frame{.protocol = describe(plan), .pseudo = plan.pseudo != Pseudo::no, .base = request.base};
  if (request.form != ReportForm::json || request.levels.front() != Level::corpus) return frame;
  frame.model = weights_hash(model);
  frame.tokenizer = tokenizer_hash(model.tokenizer);
  return frame;
}

/// Returns what a filter did: "kept 90 of 100 documents, ...".
std::string describe_filter(const FilterOptions& options, const DocumentFilter& filter) {
  std::string text =
      "kept " + std::to_string(filter.kept()) + " of " + std::to_string(filter.kept() + filter.rejected()) + " documents";
  if (options.keep_fraction && filter.max_perplexity())
    text += ", those with a perplexity of at most " + exact_text(*filter.max_perplexity()) + "; other parts can be given " +
            "--max-perplexity " + exact_text(*filter.max_perplexity());
  return text;
}

/// A run: what stands between the evaluator, which makes scores known, and the report.
class TokenScoring {
 public:
  TokenScoring(const TextModel& model, const EvaluationRequest& request, const EvaluationOutputs& outputs)
      : model_(model),
        request_(request),
        outputs_(outputs),
        limits_(request.limits, model, request.base),
        plan_(limits_.plan(request.plan)),
        saves_(outputs.resumable == nullptr ? std::nullopt
                                            : std::make_optional<EvaluationSaves>(*outputs.resumable, outputs.notice)),
        report_({.levels = request.levels,
                 .frame = frame_of(model, plan_, request),
                 .form = request.form,
                 .macro = request.macro,
                 .header = request.header && !(saves_ && saves_->resumes()),
                 .line_buffered = request.line_buffered,
                 .more_columns = limits_.columns()},
                model, outputs.report, outputs.rejected),
        filter_(request.filter, [this](const DocumentScore& document, const JsonValue& more, bool kept) {
          report_.add(document, more, kept);
          if (saves_) saves_->document_done();
        }) {}
  TokenScoring(const TokenScoring&) = delete;
  TokenScoring& operator=(const TokenScoring&) = delete;

  void run(Compute& compute, const EvaluationProgress& progress) {
    EvaluationSink sink = sink_of_levels();
    EvaluatorOptions options{.texts = report_.has(Level::document) ? Texts::keep : Texts::drop,
                             .begins = begins_,
                             .at_once = request_.line_buffered};
    if (!request_.importance.empty()) {
      require_gguf_names(model_);
      check_output(request_.importance);
      options.inputs = &inputs_.emplace(model_.config());
    }
    const Evaluator* totals = nullptr;
    limits_.attach(options, sink, [&](const DocumentScore& document, const JsonValue& more) {
      filter_.add(document, more);
      if (saves_ && !filter_.holds()) saves_->save_if_due(totals->total(), filter_);
    });
    Evaluator evaluator(compute, model_, plan_, options, sink);
    totals = &evaluator;
    read_documents(documents_into_all(evaluator, compute), model_, request_.inputs, request_.documents,
                   [&] { progress(evaluator.tokens_scored(), "tokens"); });
    finish(evaluator);
  }

 private:
  /// Returns what makes words and tokens known, if rows of them are asked for.
  EvaluationSink sink_of_levels() {
    EvaluationSink sink;
    if (report_.has(Level::word)) {
      given_.emplace(request_.words);
      words_.emplace(
          request_.word_begin, [this](std::int64_t document) { return given_->next(document); },
          [this](const WordScore& word) { report_.add(word); });
      if (plan_.pseudo == Pseudo::no) begins_ = word_beginnings(model_, request_.word_begin);
      sink.end = [this](const std::optional<TargetScore>& after) { words_->end_document(after); };
    }
    if (words_ || report_.has(Level::token)) {
      sink.token = [this](const TokenScore& token) {
        report_.add(token, limits_.more_of(token));
        if (words_) words_->add(token);
      };
    }
    return sink;
  }

  /// Returns where documents go: to the evaluator, a second model, the given words, past what an earlier run did.
  DocumentTokens documents_into_all(Evaluator& evaluator, Compute& compute) {
    DocumentTokens documents = limits_.beside(documents_into(evaluator), compute, request_.plan, request_.line_buffered);
    if (given_) {
      documents.json = [this, &evaluator](const JsonDocument& document) {
        if (given_->begin_document(document)) words_->take_given();
        evaluator.add_record(document.record);
      };
      if (!request_.words.empty()) words_->take_given();
    }
    return saves_ ? saves_->begin(evaluator, filter_, std::move(documents)) : documents;
  }

  void finish(Evaluator& evaluator) {
    if (saves_) saves_->check_all_skipped();
    evaluator.finish();
    limits_.finish();
    filter_.finish();
    if (given_) given_->check_all_used();
    if (inputs_) write_importance(request_.importance, importance_record(model_, *inputs_, plan_, request_.inputs));
    report_.add(evaluator.total(), limits_.more_of_corpus(request_.form));
    if (request_.filter.filters()) outputs_.notice(describe_filter(request_.filter, filter_));
  }

  const TextModel& model_;
  const EvaluationRequest& request_;
  const EvaluationOutputs& outputs_;
  Limits limits_;
  WindowPlan plan_;
  std::optional<EvaluationSaves> saves_;
  LevelReport report_;
  DocumentFilter filter_;
  std::optional<GivenWords> given_;
  std::optional<WordAssembler> words_;
  std::vector<std::uint8_t> begins_;
  std::optional<InputSquares> inputs_;
};

}  // namespace

void score_tokens_and_report(Compute& compute, const TextModel& model, const EvaluationRequest& request,
                             const EvaluationOutputs& outputs, const EvaluationProgress& progress) {
  TokenScoring(model, request, outputs).run(compute, progress);
}

}  // namespace lm
