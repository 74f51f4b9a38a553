#include "tasks/evaluate/evaluate_and_report.h"

#include <span>
#include <string_view>

#include "base/error.h"
#include "base/hash.h"
#include "base/path.h"
#include "objectives/mixture.h"
#include "tasks/evaluate/evaluate.h"
#include "tasks/evaluate/evaluate_infilling.h"
#include "tasks/evaluate/evaluate_spans.h"
#include "tasks/evaluate/given_words.h"
#include "tasks/evaluate/judge_and_report.h"
#include "tasks/evaluate/read_records.h"

namespace lm {
namespace {

ReportFrame frame_of(const TextModel& model, const WindowPlan& plan, const EvaluationRequest& request) {
  ReportFrame frame{.protocol = describe(plan), .pseudo = plan.pseudo != Pseudo::no, .base = request.base};
  if (request.form != ReportForm::json || request.levels.front() != Level::corpus) return frame;
  frame.model = weights_hash(model);
  frame.tokenizer = to_hex(model.tokenizer.fingerprint());
  return frame;
}

void score_tokens(Compute& compute, const TextModel& model, const EvaluationRequest& request,
                  const EvaluationOutputs& outputs, const EvaluationProgress& progress) {
  const WindowPlan plan = complete_plan(request.plan, model);
  LevelReport report({.levels = request.levels,
                      .frame = frame_of(model, plan, request),
                      .form = request.form,
                      .macro = request.macro,
                      .header = request.header,
                      .line_buffered = request.line_buffered,
                      .min_perplexity = request.min_perplexity,
                      .max_perplexity = request.max_perplexity},
                     model, outputs.report, outputs.rejected);
  std::optional<GivenWords> given;
  std::optional<WordAssembler> words;
  std::vector<std::uint8_t> begins;
  EvaluationSink sink{.document = [&](const DocumentScore& document) { report.add(document); }};
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
      report.add(token);
      if (words) words->add(token);
    };
  }
  const bool keeps_texts = report.has(Level::document);
  Evaluator evaluator(compute, model, plan,
                      {.texts = keeps_texts ? Texts::keep : Texts::drop, .begins = begins, .at_once = request.line_buffered},
                      sink);
  DocumentTokens documents = documents_into(evaluator);
  if (given) {
    documents.json = [&](const JsonDocument& document) {
      if (given->begin_document(document)) words->take_given();
      evaluator.add_record(document.record);
    };
    if (!request.words.empty()) words->take_given();
  }
  read_documents(documents, model, request.inputs, request.documents,
                 [&] { progress(evaluator.tokens_scored(), "tokens"); });
  evaluator.finish();
  if (given) given->check_all_used();
  report.add(evaluator.total());
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
