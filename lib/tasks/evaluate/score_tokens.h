// Scoring documents token by token, from left to right or hiding each: the rows of every level, as they become known.
#pragma once

#include "tasks/evaluate/evaluate_and_report.h"

namespace lm {

/// Does what evaluate_and_report() does with Scoring::left_to_right and pseudo.
void score_tokens_and_report(Compute& compute, const TextModel& model, const EvaluationRequest& request,
                             const EvaluationOutputs& outputs, const EvaluationProgress& progress);

}  // namespace lm
