// The sums of an evaluation as an importance file has them.
#pragma once

#include <string>
#include <vector>

#include "infer/input_squares.h"
#include "model/files/importance.h"
#include "tasks/score/windows.h"
#include "tasks/text_model.h"

namespace lm {

/// Throws Error if GGUF files have no names for the model's tensors.
void require_gguf_names(const TextModel& model);

/// Returns the sums by the names that GGUF files have for the matrices. `inputs`: the paths of the texts.
ImportanceRecord importance_record(const TextModel& model, const InputSquares& squares, const WindowPlan& plan,
                                   const std::vector<std::string>& inputs);

}  // namespace lm
