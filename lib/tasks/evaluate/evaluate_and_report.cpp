#include "tasks/evaluate/evaluate_and_report.h"

#include <chrono>
#include <limits>
#include <span>
#include <string_view>

#include "base/error.h"
#include "base/hash.h"
#include "base/json_number.h"
#include "base/number_text.h"
#include "base/path.h"
#include "objectives/mixture.h"
#include "tasks/evaluate/evaluate.h"
#include "tasks/evaluate/evaluate_infilling.h"
#include "tasks/evaluate/evaluate_spans.h"
#include "tasks/evaluate/given_words.h"
#include "tasks/evaluate/importance_record.h"
#include "tasks/evaluate/judge_and_report.h"
#include "tasks/evaluate/read_documents.h"
#include "tasks/evaluate/read_records.h"

namespace lm {
namespace {

/// Returns the hash of a tokenizer and of what precedes and ends its texts, on which numbers depend too.
std::string tokenizer_hash(const Tokenizer& tokenizer) {
  std::string text = to_hex(tokenizer.fingerprint());
  for (const TokenId id : tokenizer.opening()) text += " " + std::to_string(id);
  text += "; " + std::to_string(tokenizer.end_of_text());
  Hasher hasher;
  hasher.update(text.data(), text.size());
  return to_hex(hasher.digest128());
}

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

/// Saves the outputs of a run now and then, and begins after what an earlier run has saved.
class Saves {
 public:
  Saves(ResumableOutputs& outputs, const std::function<void(const std::string&)>& notice)
      : outputs_(outputs), notice_(notice), last_(Clock::now()) {}

  bool resumes() const { return outputs_.entry() && outputs_.entry()->documents > 0; }

  /// Returns the sink that skips what an earlier run has done, and restores what that knew.
  DocumentTokens begin(Evaluator& evaluator, DocumentFilter& filter, DocumentTokens documents) {
    const std::optional<JournalEntry>& entry = outputs_.entry();
    if (resumes()) {
      const JsonValue& state = entry->state;
      const std::string source = "the journal";
      const JsonValue* saved_report = state.find("report");
      if (saved_report == nullptr) throw Error("cannot resume: the journal is damaged: it has no 'report'");
      CorpusScore total = corpus_report_from_json(*saved_report, source).score;
      if (total.documents != entry->documents) throw Error("cannot resume: the journal is damaged: its numbers disagree");
      const JsonValue* sum = state.find("perplexity_sum");
      if (sum == nullptr || !sum->to_double(total.perplexity_sum))
        total.perplexity_sum = std::numeric_limits<double>::infinity();
      total.perplexity_count = state.integer_at("perplexity_count", source);
      evaluator.resume(total);
      double bound = 0;
      const JsonValue* saved = state.find("max_perplexity");
      const bool has_bound = saved != nullptr && saved->to_double(bound);
      filter.resume(state.integer_at("kept", source), state.integer_at("left_out", source),
                    has_bound ? std::optional(bound) : std::nullopt);
      documents_ = entry->documents;
      notice_("resuming after " + std::to_string(documents_) + " documents");
    }
    read_.emplace(std::move(documents), documents_, resumes() ? entry->hash : std::string());
    return read_->sink();
  }
  void document_done() {
    hash_ = read_->take_hash();
    ++documents_;
  }
  void save_if_due(const CorpusScore& total, const DocumentFilter& filter) {
    constexpr std::chrono::seconds kInterval{2};
    if (Clock::now() - last_ < kInterval) return;
    JsonValue state;
    state.set("report", to_json(total, {}, Macro::no)).set("perplexity_sum", json_number(total.perplexity_sum));
    state.set("perplexity_count", total.perplexity_count).set("kept", filter.kept()).set("left_out", filter.rejected());
    if (filter.max_perplexity()) state.set("max_perplexity", *filter.max_perplexity());
    outputs_.save({.documents = documents_, .hash = hash_, .state = std::move(state)});
    last_ = Clock::now();
  }
  void check_all_skipped() const { read_->check_all_skipped(); }

 private:
  using Clock = std::chrono::steady_clock;
  ResumableOutputs& outputs_;
  const std::function<void(const std::string&)>& notice_;
  std::optional<ReadDocuments> read_;
  std::int64_t documents_ = 0;  // whose rows are written
  std::string hash_;            // of these
  Clock::time_point last_;
};

void score_tokens(Compute& compute, const TextModel& model, const EvaluationRequest& request,
                  const EvaluationOutputs& outputs, const EvaluationProgress& progress) {
  Limits limits(request.limits, model, request.base);
  const WindowPlan plan = limits.plan(request.plan);
  std::optional<Saves> saves;
  if (outputs.resumable != nullptr) saves.emplace(*outputs.resumable, outputs.notice);
  LevelReport report({.levels = request.levels,
                      .frame = frame_of(model, plan, request),
                      .form = request.form,
                      .macro = request.macro,
                      .header = request.header && !(saves && saves->resumes()),
                      .line_buffered = request.line_buffered,
                      .more_columns = limits.columns()},
                     model, outputs.report, outputs.rejected);
  std::optional<GivenWords> given;
  std::optional<WordAssembler> words;
  std::vector<std::uint8_t> begins;
  DocumentFilter filter(request.filter, [&](const DocumentScore& document, const JsonValue& more, bool kept) {
    report.add(document, more, kept);
    if (saves) saves->document_done();
  });
  EvaluationSink sink;
  if (report.has(Level::word)) {
    given.emplace(request.words);
    words.emplace(
        request.word_begin, [&](std::int64_t document) { return given->next(document); },
        [&](const WordScore& word) { report.add(word); });
    if (plan.pseudo == Pseudo::no) begins = word_beginnings(model, request.word_begin);
    sink.end = [&](const std::optional<TargetScore>& after) { words->end_document(after); };
  }
  if (words || report.has(Level::token)) {
    sink.token = [&](const TokenScore& token) {
      report.add(token, limits.more_of(token));
      if (words) words->add(token);
    };
  }
  EvaluatorOptions options{
      .texts = report.has(Level::document) ? Texts::keep : Texts::drop, .begins = begins, .at_once = request.line_buffered};
  std::optional<InputSquares> inputs;
  if (!request.importance.empty()) {
    require_gguf_names(model);
    check_output(request.importance);
    options.inputs = &inputs.emplace(model.config());
  }
  const Evaluator* totals = nullptr;
  limits.attach(options, sink, [&](const DocumentScore& document, const JsonValue& more) {
    filter.add(document, more);
    if (saves && !filter.holds()) saves->save_if_due(totals->total(), filter);
  });
  Evaluator evaluator(compute, model, plan, options, sink);
  totals = &evaluator;
  DocumentTokens documents = limits.beside(documents_into(evaluator), compute, request.plan, request.line_buffered);
  if (given) {
    documents.json = [&](const JsonDocument& document) {
      if (given->begin_document(document)) words->take_given();
      evaluator.add_record(document.record);
    };
    if (!request.words.empty()) words->take_given();
  }
  if (saves) documents = saves->begin(evaluator, filter, std::move(documents));
  read_documents(documents, model, request.inputs, request.documents,
                 [&] { progress(evaluator.tokens_scored(), "tokens"); });
  if (saves) saves->check_all_skipped();
  evaluator.finish();
  limits.finish();
  filter.finish();
  if (given) given->check_all_used();
  if (inputs) write_importance(request.importance, importance_record(model, *inputs, plan, request.inputs));
  report.add(evaluator.total(), limits.more_of_corpus(request.form));
  if (request.filter.filters()) outputs.notice(describe_filter(request.filter, filter));
}

void score_spans(Compute& compute, const TextModel& model, const EvaluationRequest& request,
                 const EvaluationOutputs& outputs, const EvaluationProgress& progress) {
  SpanEvaluator evaluator(compute, model);
  read_documents({.name = [](std::string_view) {},
                  .tokens = [&](std::span<const TokenId> tokens) { evaluator.add(tokens); },
                  .end = [&] { evaluator.end_document(); }},
                 model, request.inputs, request.documents, [&] { progress(evaluator.total().windows, "windows"); });
  evaluator.finish();
  const std::string protocol = evaluator.protocol();
  outputs.report.write(request.form == ReportForm::json ? to_json(evaluator.total(), protocol).dump() + "\n"
                                                        : to_text(evaluator.total(), protocol));
}

void score_infilling(Compute& compute, const TextModel& model, const EvaluationRequest& request,
                     const EvaluationOutputs& outputs, const EvaluationProgress& progress) {
  InfillingEvaluator evaluator(compute, model, request.layout);
  for_each_infilling_task(request.inputs, [&](const InfillingTask& task) {
    evaluator.add(task);
    progress(evaluator.total().tasks, "tasks");
  });
  outputs.report.write(request.form == ReportForm::json
                           ? to_json(evaluator.total(), evaluator.layout(), request.base).dump() + "\n"
                           : to_text(evaluator.total(), evaluator.layout(), request.base));
}

}  // namespace

Scoring default_scoring(const TextModel& model) {
  if (parse_mixture(model.model.record.objective).predicts_next_token()) return Scoring::left_to_right;
  if (was_trained_on(model, "masked")) return Scoring::pseudo;
  return was_trained_on(model, "span") ? Scoring::span : Scoring::left_to_right;
}

void evaluate_and_report(Compute& compute, const TextModel& model, const EvaluationRequest& request,
                         const EvaluationOutputs& outputs, const EvaluationProgress& progress) {
  if (request.inquiry == Inquiry::cloze) return judge_cloze_and_report(compute, model, request, outputs.report, progress);
  if (request.inquiry == Inquiry::pairs) return judge_pairs_and_report(compute, model, request, outputs.report, progress);
  switch (request.scoring) {
    case Scoring::left_to_right:
    case Scoring::pseudo:
      return score_tokens(compute, model, request, outputs, progress);
    case Scoring::span:
      return score_spans(compute, model, request, outputs, progress);
    case Scoring::infilling:
      return score_infilling(compute, model, request, outputs, progress);
  }
}

JsonValue settings_to_resume(const TextModel& model, const EvaluationRequest& request, SimdTier tier,
                             const std::string& rejected) {
  const auto or_null = [](const std::optional<double>& number) { return number ? JsonValue(*number) : JsonValue(); };
  std::string levels;
  for (const Level level : request.levels) levels += (levels.empty() ? "" : ",") + std::string(to_string(level));
  JsonValue settings;
  settings.set("the model", weights_hash(model)).set("the tokenizer", tokenizer_hash(model.tokenizer));
  settings.set("the protocol", describe(complete_plan(request.plan, model))).set("--level", levels);
  settings.set("--documents", to_string(request.documents.kind) + (":" + request.documents.detail));
  settings.set("the form of the report", static_cast<std::int64_t>(request.form)).set("--header", request.header);
  settings.set("--base", to_string(request.base)).set("--macro", request.macro == Macro::yes);
  settings.set("--max-perplexity", or_null(request.filter.max_perplexity));
  settings.set("--min-perplexity", or_null(request.filter.min_perplexity));
  settings.set("--keep-fraction", or_null(request.filter.keep_fraction));
  return settings.set("--rejected", rejected).set("--simd", to_string(tier));
}

void merge_and_report(const std::vector<std::string>& paths, ReportForm form, bool header, OutputStream& output) {
  std::optional<CorpusReport> whole;
  for (const std::string& path : paths) {
    bool found = false;
    for_each_record({path}, [&](const JsonValue& json, const std::string& source) {
      const JsonValue* level = json.find("level");
      if (level != nullptr && level->if_string() != nullptr && *level->if_string() != to_string(Level::corpus)) return;
      CorpusReport part = corpus_report_from_json(json, source);
      found = true;
      if (whole) return merge_report(*whole, part, source);
      whole = std::move(part);
    });
    if (!found) throw Error("cannot merge '" + input_name(path) + "': it has no report of a corpus");
  }
  LM_CHECK(whole);
  const std::vector<std::string> columns = tsv_columns(Level::corpus);
  const JsonValue json = to_json(whole->score, whole->frame, Macro::no);
  switch (form) {
    case ReportForm::json:
      return output.write(json.dump() + "\n");
    case ReportForm::tsv:
      return output.write((header ? tsv_header(columns, whole->frame) : "") + tsv_row(columns, json, whole->frame));
    case ReportForm::text:
      return output.write(to_text(whole->score, whole->frame, Macro::no));
  }
}

}  // namespace lm
