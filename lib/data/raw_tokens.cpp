#include "data/raw_tokens.h"

#include <algorithm>
#include <array>

#include "base/error.h"
#include "data/read_ahead.h"
#include "data/token_format.h"

namespace lm {

namespace {

constexpr std::size_t kLlmcHeaderSize = 1024;
constexpr std::size_t kLlmcCountOffset = 8;
constexpr std::int64_t kMostLlmcTokens = 0x7FFFFFFF;

struct LlmcKind {
  std::int32_t magic;
  std::int32_t version;
  std::size_t bytes_per_token;
};
constexpr std::array<LlmcKind, 2> kLlmcKinds = {{{20240520, 1, 2}, {20240801, 7, 4}}};

std::int64_t load_id(const char* bytes, std::size_t bytes_per_token) {
  return bytes_per_token == 2 ? load_little<std::uint16_t>(bytes) : load_little<std::uint32_t>(bytes);
}

[[noreturn]] void refuse(const std::string& name, const std::string& why) {
  throw Error("cannot use '" + name + "': " + why);
}

}  // namespace

RawTokenReader::RawTokenReader(FileDescriptor input, RawFormat format, std::int64_t vocab_size,
                               std::string_view already_read)
    : input_(std::move(input)),
      vocab_size_(vocab_size),
      bytes_per_token_(format == RawFormat::uint32 ? 4 : 2),
      buffer_(already_read) {
  if (format == RawFormat::llmc) read_header();
}

bool RawTokenReader::fill(std::size_t size) { return read_ahead(input_, buffer_, start_, size); }

void RawTokenReader::read_header() {
  if (!fill(kLlmcHeaderSize)) refuse(name(), "it is shorter than the header of llm.c's token files");
  const auto magic = load_little<std::int32_t>(buffer_.data());
  const auto version = load_little<std::int32_t>(buffer_.data() + 4);
  const auto kind = std::find_if(kLlmcKinds.begin(), kLlmcKinds.end(),
                                 [&](const LlmcKind& known) { return known.magic == magic && known.version == version; });
  if (kind == kLlmcKinds.end()) {
    refuse(name(), "it begins with " + std::to_string(magic) + " and version " + std::to_string(version) +
                       "; llm.c's token files begin with 20240520 and 1, or 20240801 and 7");
  }
  const auto count = load_little<std::int32_t>(buffer_.data() + kLlmcCountOffset);
  if (count < 0) refuse(name(), "its header counts " + std::to_string(count) + " tokens");
  expected_tokens_ = count;
  bytes_per_token_ = kind->bytes_per_token;
  start_ = kLlmcHeaderSize;
}

std::size_t RawTokenReader::read(std::span<TokenId> tokens) {
  if (tokens.empty()) return 0;
  if (!fill(bytes_per_token_)) {
    check_end();
    return 0;
  }
  const std::size_t count = std::min(tokens.size(), (buffer_.size() - start_) / bytes_per_token_);
  for (std::size_t i = 0; i < count; ++i) {
    const std::int64_t id = load_id(buffer_.data() + start_ + i * bytes_per_token_, bytes_per_token_);
    if (id >= vocab_size_) {
      refuse_token_id(name(), tokens_ + static_cast<std::int64_t>(i), static_cast<TokenId>(id), vocab_size_);
    }
    tokens[i] = static_cast<TokenId>(id);
  }
  start_ += count * bytes_per_token_;
  tokens_ += static_cast<std::int64_t>(count);
  if (expected_tokens_ && tokens_ > *expected_tokens_) {
    refuse(name(), "it goes on after the " + std::to_string(*expected_tokens_) + " tokens of its header");
  }
  return count;
}

void RawTokenReader::check_end() {
  if (buffer_.size() != start_) refuse(name(), "it ends inside a token of " + std::to_string(bytes_per_token_) + " bytes");
  if (expected_tokens_ && tokens_ != *expected_tokens_) {
    refuse(name(), "it ends after " + std::to_string(tokens_) + " of the " + std::to_string(*expected_tokens_) +
                       " tokens of its header: it was cut short");
  }
}

RawTokenWriter::RawTokenWriter(OutputStream& output, RawFormat format, std::int64_t vocab_size,
                               std::optional<std::int64_t> tokens)
    : output_(output), format_(format), vocab_size_(vocab_size), bytes_per_token_(2), expected_tokens_(tokens) {
  if (format == RawFormat::uint32 || (format == RawFormat::llmc && vocab_size > 65536)) bytes_per_token_ = 4;
  if (bytes_per_token_ == 2 && vocab_size > 65536) {
    throw Error("cannot write '" + output.name() + "': ids of a vocabulary of " + std::to_string(vocab_size) +
                " do not fit into 16 bits");
  }
  if (format != RawFormat::llmc) return;
  if (!tokens && !output.can_patch()) {
    throw Error("cannot write '" + output.name() + "': llm.c's format has the number of tokens first; write it to a file");
  }
  std::array<char, kLlmcHeaderSize> header{};
  const LlmcKind& kind = kLlmcKinds[bytes_per_token_ == 2 ? 0 : 1];
  store_little(header.data(), kind.magic);
  store_little(header.data() + 4, kind.version);
  store_little(header.data() + kLlmcCountOffset, static_cast<std::int32_t>(std::min(tokens.value_or(0), kMostLlmcTokens)));
  output_.write(header.data(), header.size());
}

void RawTokenWriter::write(std::span<const TokenId> tokens) {
  constexpr std::size_t kPiece = 4096;
  std::array<char, kPiece * 4> bytes;
  while (!tokens.empty()) {
    const auto piece = tokens.first(std::min(kPiece, tokens.size()));
    for (std::size_t i = 0; i < piece.size(); ++i) {
      if (piece[i] >= vocab_size_) {
        refuse_token_id(output_.name(), tokens_ + static_cast<std::int64_t>(i), piece[i], vocab_size_);
      }
      if (bytes_per_token_ == 2) {
        store_little(bytes.data() + i * 2, static_cast<std::uint16_t>(piece[i]));
      } else {
        store_little(bytes.data() + i * 4, piece[i]);
      }
    }
    output_.write(bytes.data(), piece.size() * bytes_per_token_);
    tokens_ += static_cast<std::int64_t>(piece.size());
    tokens = tokens.subspan(piece.size());
  }
}

void RawTokenWriter::finish() {
  if (format_ != RawFormat::llmc) return;
  if (tokens_ > kMostLlmcTokens) {
    throw Error("cannot write '" + output_.name() + "': llm.c's format counts at most 2147483647 tokens, and these are " +
                std::to_string(tokens_));
  }
  if (expected_tokens_) {
    LM_CHECK(*expected_tokens_ == tokens_);
    return;
  }
  std::array<char, 4> count{};
  store_little(count.data(), static_cast<std::int32_t>(tokens_));
  output_.patch(kLlmcCountOffset, count.data(), count.size());
}

}  // namespace lm
