// Training examples as text, for people who want to see what the objective asks for.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tasks/train/examples.h"
#include "text/tokenizer.h"

namespace lm {

/// Takes the next `count` examples, fewer at the end of a stream. Returns for each a line that describes it, a line of
/// column names, and a line for each place: its input, target and weight, with tabs between.
std::vector<std::string> show_examples(const TrainExamples& examples, const Tokenizer& tokenizer, std::int64_t count);

}  // namespace lm
