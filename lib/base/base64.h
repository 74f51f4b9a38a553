// Base64 (RFC 4648, the standard alphabet, padded): bytes in JSON and in .tiktoken files.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace lm {

/// Returns the bytes that `text` spells, or nothing if it is not base64.
std::optional<std::string> from_base64(std::string_view text);
/// Returns the spelling of `bytes`.
std::string to_base64(std::string_view bytes);

}  // namespace lm
