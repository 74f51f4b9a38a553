// A model from a file to a folder and back, without a step of training.
#pragma once

#include <string>
#include <vector>

#include "text/tokenizer.h"

namespace lm {

/// Loads the model file or folder `from` and writes it to `to`, as save_model() does: its weights to the bit, its tokenizer, and
/// what the folder that it came from held. Returns a sentence for each thing that the user should know. Throws Error.
std::vector<std::string> convert_model(const std::string& from, const std::string& to, const TokenizerOptions& options = {});

}  // namespace lm
