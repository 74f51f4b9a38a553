// One call for cloze items or pairs of sentences: reads them, lets a model judge, and writes the report.
#pragma once

#include "tasks/evaluate/evaluate_and_report.h"

namespace lm {

/// Of the request: its inputs, plan, level (corpus or document), normalization (of cloze only), form and header. Throws Error.
void judge_cloze_and_report(Compute& compute, const TextModel& model, const EvaluationRequest& request, OutputStream& output,
                            const EvaluationProgress& progress);
void judge_pairs_and_report(Compute& compute, const TextModel& model, const EvaluationRequest& request, OutputStream& output,
                            const EvaluationProgress& progress);

}  // namespace lm
