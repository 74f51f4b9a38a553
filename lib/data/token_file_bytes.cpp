#include "data/token_file_bytes.h"

#include <algorithm>

#include "base/error.h"
#include "base/file_use.h"
#include "base/little_endian.h"
#include "base/path.h"

namespace lm {

namespace {

constexpr std::string_view kHeaderMagic("lm-tokens 1\n\0\0\0\0", kTokenMagicSize);
constexpr std::string_view kAnyVersion = "lm-tokens ";
constexpr std::string_view kTrailerMagic("lm-tokens end\n\0\0", kTokenMagicSize);
constexpr std::uint32_t kBegins = 1;  // of the flags
constexpr std::uint64_t kUnknown = ~std::uint64_t{0};
// Position and byte counts of any stream below it fit into 63 bits.
constexpr std::uint64_t kMostTokens = std::uint64_t{1} << 60;

std::optional<std::int64_t> parse_count(std::string_view bytes, std::size_t offset, const std::string& name) {
  const auto count = load_little<std::uint64_t>(bytes.data() + offset);
  if (count == kUnknown) return std::nullopt;
  if (count > kMostTokens)
    refuse_damaged_tokens(name, "its header counts " + std::to_string(count) + " tokens or documents");
  return static_cast<std::int64_t>(count);
}

void refuse_nonzero(std::string_view bytes, std::size_t offset, std::size_t size, const std::string& name) {
  const std::string_view field = bytes.substr(offset, size);
  if (field.find_first_not_of('\0') == std::string_view::npos) return;
  throw Error("cannot use '" + name + "': bytes " + std::to_string(offset) + " to " + std::to_string(offset + size - 1) +
              " of its header must be zero in this version of the format; a newer program may read it");
}

void check_magic(std::string_view bytes, const std::string& name) {
  const std::string_view magic = bytes.substr(0, kTokenMagicSize);
  if (magic == kHeaderMagic) return;
  if (bytes.size() < kTokenMagicSize && kHeaderMagic.starts_with(magic)) return;             // cut short: the caller says so
  if (!magic.starts_with(kAnyVersion)) require_kind_of_bytes(FileUse::tokens, bytes, name);  // which throws
  throw Error("cannot use '" + name + "': it is a token stream of another version than 1; use the program that wrote it");
}

}  // namespace

bool is_token_stream(std::string_view first_bytes) {
  return first_bytes.size() >= kTokenMagicSize && first_bytes.starts_with(kAnyVersion);
}

std::array<char, kTokenHeaderSize> token_header(const TokenFileInfo& info) {
  std::array<char, kTokenHeaderSize> header{};
  std::copy(kHeaderMagic.begin(), kHeaderMagic.end(), header.begin());
  store_little(header.data() + 16, static_cast<std::uint32_t>(info.bytes_per_token()));
  store_little(header.data() + 20, static_cast<std::uint32_t>(info.vocab_size));
  store_little(header.data() + 24, info.end_of_text);
  store_little(header.data() + 28, info.begins ? kBegins : 0U);
  store_little(header.data() + 32, info.fingerprint.low);
  store_little(header.data() + 40, info.fingerprint.high);
  store_little(header.data() + kTokenCountOffset, info.tokens ? static_cast<std::uint64_t>(*info.tokens) : kUnknown);
  store_little(header.data() + kTokenCountOffset + 8,
               info.documents ? static_cast<std::uint64_t>(*info.documents) : kUnknown);
  return header;
}

std::array<char, kTokenTrailerSize> token_trailer(std::int64_t tokens, std::uint64_t hash) {
  std::array<char, kTokenTrailerSize> trailer{};
  std::copy(kTrailerMagic.begin(), kTrailerMagic.end(), trailer.begin());
  store_little(trailer.data() + 16, static_cast<std::uint64_t>(tokens));
  store_little(trailer.data() + 24, hash);
  return trailer;
}

TokenFileInfo parse_token_header(std::string_view bytes, const std::string& name) {
  check_magic(bytes, name);
  if (bytes.size() < kTokenHeaderSize) refuse_truncated_tokens(name, bytes.size());
  TokenFileInfo info;
  const auto bytes_per_token = load_little<std::uint32_t>(bytes.data() + 16);
  info.vocab_size = load_little<std::uint32_t>(bytes.data() + 20);
  info.end_of_text = load_little<std::uint32_t>(bytes.data() + 24);
  const auto flags = load_little<std::uint32_t>(bytes.data() + 28);
  if ((flags & ~kBegins) != 0) refuse_nonzero(bytes, 28, 4, name);
  info.begins = (flags & kBegins) != 0;
  info.fingerprint.low = load_little<std::uint64_t>(bytes.data() + 32);
  info.fingerprint.high = load_little<std::uint64_t>(bytes.data() + 40);
  refuse_nonzero(bytes, 48, 16, name);
  refuse_nonzero(bytes, 80, 48, name);
  if (info.vocab_size == 0) refuse_damaged_tokens(name, "its vocabulary is empty");
  if (bytes_per_token != static_cast<std::uint32_t>(info.bytes_per_token())) {
    refuse_damaged_tokens(name, "it has " + std::to_string(bytes_per_token) + " bytes a token, but a vocabulary of " +
                                    std::to_string(info.vocab_size) + " takes " + std::to_string(info.bytes_per_token()));
  }
  if (info.end_of_text >= info.vocab_size) {
    refuse_damaged_tokens(name, "its end-of-text " + std::to_string(info.end_of_text) + " is not in its vocabulary of " +
                                    std::to_string(info.vocab_size));
  }
  info.tokens = parse_count(bytes, kTokenCountOffset, name);
  info.documents = parse_count(bytes, kTokenCountOffset + 8, name);
  if (info.tokens && info.documents && *info.documents > *info.tokens) {
    refuse_damaged_tokens(name, "its header counts more documents than tokens");
  }
  return info;
}

void require_token_stream(const std::string& path) {
  const FileKind kind = kind_of_path(path);
  if (kind == FileKind::text || kind == FileKind::binary || kind == FileKind::empty) return;
  require_kind(FileUse::tokens, kind, input_name(path));
}

bool parse_token_trailer(std::string_view bytes, TokenTrailer& trailer) {
  if (bytes.size() < kTokenTrailerSize || !bytes.starts_with(kTrailerMagic)) return false;
  trailer.tokens = load_little<std::uint64_t>(bytes.data() + 16);
  trailer.hash = load_little<std::uint64_t>(bytes.data() + 24);
  return true;
}

bool could_be_token_trailer(std::string_view bytes) {
  const std::size_t size = std::min(bytes.size(), kTrailerMagic.size());
  return bytes.substr(0, size) == kTrailerMagic.substr(0, size);
}

void refuse_joined_tokens(const std::string& name, std::uint64_t offset) {
  throw Error("cannot use '" + name + "': more follows its trailer at byte " + std::to_string(offset) +
              "; token streams cannot be joined by cat: encode the texts together, as in 'tok-encode a b'");
}

void refuse_truncated_tokens(const std::string& name, std::uint64_t offset) {
  throw Error("cannot use '" + name + "': it ends at byte " + std::to_string(offset) +
              " without the trailer of a token stream; it was cut short, or the program that wrote it failed");
}

void refuse_damaged_tokens(const std::string& name, const std::string& why) {
  throw Error("cannot use '" + name + "': it is damaged: " + why);
}

void refuse_token_id(const std::string& name, std::int64_t position, TokenId id, std::int64_t vocab_size) {
  throw Error("cannot use '" + name + "': token " + std::to_string(position) + " is id " + std::to_string(id) +
              ", beyond the vocabulary of " + std::to_string(vocab_size));
}

namespace {

template <class Stored>
std::int64_t decode_as(const std::byte* bytes, std::span<TokenId> out, const TokenFileInfo& info, const std::string& name,
                       std::int64_t position) {
  TokenId largest = 0;
  std::int64_t documents = 0;
  for (std::size_t i = 0; i < out.size(); ++i) {
    const TokenId id = load_little<Stored>(bytes + i * sizeof(Stored));
    out[i] = id;
    largest = std::max(largest, id);
    documents += id == info.end_of_text ? 1 : 0;
  }
  if (largest < info.vocab_size) return documents;
  const auto bad = std::find_if(out.begin(), out.end(), [&](TokenId id) { return id >= info.vocab_size; });
  refuse_token_id(name, position + (bad - out.begin()), *bad, info.vocab_size);
}

}  // namespace

std::int64_t decode_tokens(const std::byte* bytes, std::span<TokenId> out, const TokenFileInfo& info,
                           const std::string& name, std::int64_t position) {
  if (info.bytes_per_token() == 2) return decode_as<std::uint16_t>(bytes, out, info, name, position);
  return decode_as<std::uint32_t>(bytes, out, info, name, position);
}

}  // namespace lm
