#include "tasks/evaluate/evaluate_and_report.h"

#include <span>
#include <string_view>

#include "base/error.h"
#include "base/path.h"
#include "objectives/mixture.h"
#include "tasks/evaluate/evaluate.h"
#include "tasks/evaluate/evaluate_infilling.h"
#include "tasks/evaluate/evaluate_spans.h"
#include "tasks/evaluate/judge_and_report.h"
#include "tasks/evaluate/read_records.h"
#include "tasks/evaluate/report_hashes.h"
#include "tasks/evaluate/score_tokens.h"

namespace lm {
namespace {

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
      return score_tokens_and_report(compute, model, request, outputs, progress);
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
