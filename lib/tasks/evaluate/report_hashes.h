// What a report says of the tokenizer that its numbers depend on. (Of the model: weights_hash() in tasks/text_model.h.)
#pragma once

#include <string>

#include "text/tokenizer.h"

namespace lm {

/// Returns the hash of a tokenizer and of what precedes and ends its texts, on which numbers depend too.
std::string tokenizer_hash(const Tokenizer& tokenizer);

}  // namespace lm
