// GPT-2's reversible spelling of bytes as printable characters, in which tokenizer.json and merges.txt write tokens.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace lm {

/// Returns the code point that stands for each byte: printable ones of Latin-1 for themselves, the other 68 as U+0100,
/// U+0101, ...
const std::array<std::uint16_t, 256>& byte_level_code_points();

/// Returns `bytes` spelled as UTF-8 characters.
std::string to_byte_level(std::string_view bytes);

/// Appends the bytes that `spelled` stands for; returns false, with `bytes` as it was, if a character stands for no byte.
bool append_from_byte_level(std::string_view spelled, std::string& bytes);

}  // namespace lm
