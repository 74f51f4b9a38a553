// Where text may be cut before it is encoded, so that the parts have the ids of the whole.
#pragma once

#include <string_view>
#include <vector>

#include "base/json.h"
#include "text/tokenizer_tables.h"

namespace lm {

/// Returns the steps of that type: of a pre-tokenizer that is a sequence, or the pre-tokenizer itself.
std::vector<const JsonValue*> steps_of_type(const JsonValue& pre_tokenizer, std::string_view type);

/// Sets where text may be cut before a space, and into words. All that the cuts follow from is there: parts, normalizer, added
/// tokens, pre-tokenizer and model.
void find_cuts(TokenizerTables& tables);

}  // namespace lm
