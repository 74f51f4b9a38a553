// The bytes of a token stream's header and trailer, shared by its readers and its writer.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "data/token_file.h"

namespace lm {

constexpr std::size_t kTokenHeaderSize = 128;
constexpr std::size_t kTokenTrailerSize = 32;
constexpr std::size_t kTokenCountOffset = 64;  // of the number of tokens, then the number of documents

/// Returns the header's bytes, with unknown counts as 2^64 - 1.
std::array<char, kTokenHeaderSize> token_header(const TokenFileInfo& info);
std::array<char, kTokenTrailerSize> token_trailer(std::int64_t tokens, std::uint64_t hash);

/// Reads a header of kTokenHeaderSize bytes, or fewer if the file ends before. Throws Error naming `name` for whatever is
/// not exactly as lm-tokens(5) says.
TokenFileInfo parse_token_header(std::string_view bytes, const std::string& name);

/// Throws Error if the path is recognized as something else than a token stream. Texts are left to parse_token_header(),
/// which distinguishes them from a stream that was cut inside its magic.
void require_token_stream(const std::string& path);

struct TokenTrailer {
  std::uint64_t tokens = 0;
  std::uint64_t hash = 0;
};

/// Returns true, and the trailer, if its magic is at the front of `bytes` (kTokenTrailerSize of them).
bool parse_token_trailer(std::string_view bytes, TokenTrailer& trailer);
/// Returns true if `bytes` begin as the magic does, or are the beginning of it.
bool could_be_token_trailer(std::string_view bytes);

/// Throw Error: more follows the trailer that ends at byte `offset`; the file ends at byte `offset`, without its trailer;
/// the file is damaged, with `why` as the rest of the message; token number `position` is not in the vocabulary.
[[noreturn]] void refuse_joined_tokens(const std::string& name, std::uint64_t offset);
[[noreturn]] void refuse_truncated_tokens(const std::string& name, std::uint64_t offset);
[[noreturn]] void refuse_damaged_tokens(const std::string& name, const std::string& why);
[[noreturn]] void refuse_token_id(const std::string& name, std::int64_t position, TokenId id, std::int64_t vocab_size);

/// Decodes tokens of 2 or 4 bytes. Returns the number of end-of-text tokens; throws Error if an id is not in the
/// vocabulary, `position` being that of the first token.
std::int64_t decode_tokens(const std::byte* bytes, std::span<TokenId> out, const TokenFileInfo& info,
                           const std::string& name, std::int64_t position);

}  // namespace lm
