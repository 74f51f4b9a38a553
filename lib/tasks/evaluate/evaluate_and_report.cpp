#include "tasks/evaluate/evaluate_and_report.h"

#include <span>
#include <string_view>

#include "objectives/mixture.h"
#include "tasks/evaluate/evaluate.h"
#include "tasks/evaluate/evaluate_infilling.h"
#include "tasks/evaluate/evaluate_spans.h"

namespace lm {
namespace {

void write_corpus(const Evaluator& evaluator, const EvaluationRequest& request, OutputStream& output) {
  switch (request.form) {
    case ReportForm::json:
      return output.write(to_json(evaluator.total(), evaluator.plan(), request.base, request.macro).dump() + "\n");
    case ReportForm::tsv:
      return output.write((request.header ? tsv_header("documents", evaluator.plan()) : "") + to_tsv(evaluator.total()));
    case ReportForm::text:
      return output.write(to_text(evaluator.total(), evaluator.plan(), request.base, request.macro));
  }
}

void score_tokens(Compute& compute, const TextModel& model, const EvaluationRequest& request,
                  const EvaluationOutputs& outputs, const EvaluationProgress& progress) {
  const WindowPlan plan = complete_plan(request.plan, model);
  const bool by_document = request.level == Level::document;
  std::optional<DocumentReport> report;
  std::function<void(const DocumentScore&)> on_document;
  if (by_document) {
    report.emplace(DocumentReportOptions{.plan = plan,
                                         .base = request.base,
                                         .form = request.form,
                                         .header = request.header,
                                         .min_perplexity = request.min_perplexity,
                                         .max_perplexity = request.max_perplexity},
                   outputs.report, outputs.rejected);
    on_document = [&](const DocumentScore& document) { report->add(document); };
  }
  Evaluator evaluator(compute, model, plan, by_document ? Texts::keep : Texts::drop, on_document);
  evaluate_inputs(evaluator, model, request.inputs, request.documents,
                  [&] { progress(evaluator.tokens_scored(), "tokens"); });
  if (!by_document) write_corpus(evaluator, request, outputs.report);
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

}  // namespace lm
