#include "data/raw_tokens.h"

#include <algorithm>
#include <array>

#include "base/error.h"
#include "base/file_use.h"
#include "base/little_endian.h"
#include "data/read_ahead.h"
#include "data/store_ids.h"
#include "data/token_file_bytes.h"

namespace lm {

namespace {

constexpr std::size_t kLlmcHeaderSize = 1024;
constexpr std::size_t kLlmcCountOffset = 8;
constexpr std::int64_t kMostLlmcTokens = 0x7FFFFFFF;

struct LlmcKind {
  std::uint32_t magic, version;
  std::size_t bytes_per_token;
};
constexpr std::array<LlmcKind, 2> kLlmcKinds = {{{20240520, 1, 2}, {20240801, 7, 4}}};

template <class Stored>
void load_ids(const char* bytes, std::span<TokenId> tokens) {
  for (std::size_t i = 0; i < tokens.size(); ++i) tokens[i] = load_little<Stored>(bytes + i * sizeof(Stored));
}

}  // namespace

RawFormat raw_format_of(const TokenFileInfo& info) {
  return info.bytes_per_token() == 2 ? RawFormat::uint16 : RawFormat::uint32;
}

RawTokenReader::RawTokenReader(FileDescriptor input, RawFormat format, const TokenFileInfo& info)
    : input_(std::move(input)), vocab_size_(info.vocab_size), bytes_per_token_(format == RawFormat::uint32 ? 4 : 2) {
  if (format == RawFormat::llmc) read_header();
}

bool RawTokenReader::fill(std::size_t size) { return read_ahead(input_, buffer_, start_, size); }

void RawTokenReader::read_header() {
  if (!fill(kLlmcHeaderSize)) throw Error("'" + name() + "' is shorter than llm.c's header");
  const auto magic = load_little<std::uint32_t>(buffer_.data());
  const auto version = load_little<std::uint32_t>(buffer_.data() + 4);
  const auto kind = std::find_if(kLlmcKinds.begin(), kLlmcKinds.end(),
                                 [&](const LlmcKind& known) { return known.magic == magic && known.version == version; });
  if (kind == kLlmcKinds.end()) {
    throw Error("'" + name() + "' is no file of llm.c: magic " + std::to_string(magic) + ", version " +
                std::to_string(version));
  }
  expected_tokens_ = load_little<std::uint32_t>(buffer_.data() + kLlmcCountOffset);
  bytes_per_token_ = kind->bytes_per_token;
  start_ = kLlmcHeaderSize;
}

std::size_t RawTokenReader::read(std::span<TokenId> tokens) {
  if (tokens.empty()) return 0;
  if (!fill(bytes_per_token_)) {
    check_end();
    return 0;
  }
  if (tokens_ == 0 && start_ == 0) require_kind_of_bytes(FileUse::raw_tokens, buffer_, name());
  tokens = tokens.first(std::min(tokens.size(), (buffer_.size() - start_) / bytes_per_token_));
  const char* bytes = buffer_.data() + start_;
  if (bytes_per_token_ == 2) {
    load_ids<std::uint16_t>(bytes, tokens);
  } else {
    load_ids<std::uint32_t>(bytes, tokens);
  }
  const std::size_t count = count_known(tokens, vocab_size_, name());
  start_ += count * bytes_per_token_;
  tokens_ += static_cast<std::int64_t>(count);
  return count;
}

void RawTokenReader::check_end() {
  if (buffer_.size() != start_) {
    throw Error("'" + name() + "' ends inside a token of " + std::to_string(bytes_per_token_) + " bytes");
  }
  if (expected_tokens_ && tokens_ != *expected_tokens_) {
    throw Error("'" + name() + "' has " + std::to_string(tokens_) + " tokens, but its header says " +
                std::to_string(*expected_tokens_));
  }
}

RawTokenWriter::RawTokenWriter(OutputStream& output, RawFormat format, const TokenFileInfo& info)
    : output_(output), format_(format), info_(info), bytes_per_token_(format == RawFormat::uint16 ? 2 : 4) {
  if (format == RawFormat::llmc) bytes_per_token_ = static_cast<std::size_t>(info.bytes_per_token());
  if (bytes_per_token_ == 2 && info.bytes_per_token() > 2) {
    throw Error("cannot write '" + output.name() + "': ids of a vocabulary of " + std::to_string(info.vocab_size) +
                " do not fit into 16 bits");
  }
  if (format != RawFormat::llmc) return;
  if (!output.can_patch()) {
    throw Error("cannot write llm.c's format to '" + output.name() +
                "': it states its length first; write to a file with -o");
  }
  std::array<char, kLlmcHeaderSize> header{};
  const LlmcKind& kind = kLlmcKinds[bytes_per_token_ == 2 ? 0 : 1];
  store_little(header.data(), kind.magic);
  store_little(header.data() + 4, kind.version);
  output_.write(header.data(), header.size());
}

void RawTokenWriter::write(std::span<const TokenId> tokens) {
  constexpr std::size_t kPiece = 4096;
  std::array<char, kPiece * 4> bytes;
  while (!tokens.empty()) {
    const auto piece = tokens.first(std::min(kPiece, tokens.size()));
    const auto limit = static_cast<TokenId>(info_.vocab_size);
    const IdFacts facts = bytes_per_token_ == 2 ? store_ids<std::uint16_t>(piece, limit, limit, bytes.data())
                                                : store_ids<std::uint32_t>(piece, limit, limit, bytes.data());
    const std::size_t known = facts.outside == 0 ? piece.size() : count_known(piece, info_.vocab_size, output_.name());
    output_.write(bytes.data(), known * bytes_per_token_);
    tokens_ += static_cast<std::int64_t>(known);
    tokens = tokens.subspan(known);
  }
}

void RawTokenWriter::end_document() { write({&info_.end_of_text, 1}); }

void RawTokenWriter::finish() {
  if (format_ != RawFormat::llmc) return;
  if (tokens_ > kMostLlmcTokens)
    throw Error("too many tokens for llm.c's format, which counts them in 31 bits; split the input");
  const std::string count = little_bytes(static_cast<std::uint32_t>(tokens_));
  output_.patch(kLlmcCountOffset, count.data(), count.size());
}

}  // namespace lm
