// Which names special tokens can have: a tokenizer.json spells every token by one string, theirs as they are.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lm {

/// Throws Error if a tokenizer.json cannot hold these special tokens, whatever else it holds: a name of fewer than two
/// bytes, invalid UTF-8, two equal ones, or a name that is how ByteLevel spells a byte ("§").
void check_special_names(const std::vector<std::string>& names);

/// Returns the bytes of the token that a tokenizer.json would spell as `name` (of "Ġthe": " the"); nothing if none is.
std::optional<std::string> bytes_spelled_as(std::string_view name);

}  // namespace lm
