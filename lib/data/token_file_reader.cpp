#include <algorithm>

#include "base/error.h"
#include "data/read_ahead.h"
#include "data/token_file.h"
#include "data/token_file_bytes.h"

namespace lm {

TokenReader::TokenReader(FileDescriptor input, std::string_view already_read)
    : input_(std::move(input)), buffer_(already_read) {
  fill(kTokenHeaderSize);
  info_ = parse_token_header(buffered().substr(0, kTokenHeaderSize), input_.name());
  start_ += kTokenHeaderSize;
}

bool TokenReader::fill(std::size_t size) { return read_ahead(input_, buffer_, start_, size); }

// Returns how many of the first `size` buffered bytes (whole tokens) come before anything that may be the trailer.
std::size_t TokenReader::scan_for_trailer(std::size_t size) {
  const auto width = static_cast<std::size_t>(info_.bytes_per_token());
  const std::string_view bytes = buffered();
  for (std::size_t offset = 0; offset < size; offset += width) {
    if (bytes[offset] == 'l' && could_be_token_trailer(bytes.substr(offset))) return offset;
  }
  return size;
}

// Returns how many bytes of tokens can be handed out, at most `wanted`; 0 if the trailer is next.
std::size_t TokenReader::token_bytes_ready(std::size_t wanted) {
  const auto width = static_cast<std::size_t>(info_.bytes_per_token());
  const auto position = static_cast<std::uint64_t>(tokens_);
  const auto refuse_end = [&] { refuse_truncated_tokens(name(), kTokenHeaderSize + position * width + buffered().size()); };
  if (!fill(width)) refuse_end();
  std::size_t ready = scan_for_trailer(std::min(wanted, buffered().size() / width * width));
  if (ready == 0) {  // a trailer, or a token that looks like the beginning of one
    TokenTrailer trailer;
    if (!fill(kTokenTrailerSize)) refuse_end();
    if (parse_token_trailer(buffered(), trailer) && trailer.tokens == position) return 0;
    ready = width;
  }
  if (info_.tokens) {
    const std::uint64_t left = static_cast<std::uint64_t>(*info_.tokens) - position;
    if (left == 0)
      refuse_damaged_tokens(name(), "no trailer follows the " + std::to_string(position) + " tokens of its header");
    ready = std::min<std::uint64_t>(ready, left * width);
  }
  return ready;
}

std::size_t TokenReader::read(std::span<TokenId> tokens) {
  if (at_end_ || tokens.empty()) return 0;
  const auto width = static_cast<std::size_t>(info_.bytes_per_token());
  const std::size_t bytes = token_bytes_ready(std::min(tokens.size(), kReadAhead) * width);
  if (bytes == 0) {
    finish();
    return 0;
  }
  const std::size_t count = bytes / width;
  const char* data = buffered().data();
  documents_ += decode_tokens(reinterpret_cast<const std::byte*>(data), tokens.first(count), info_, name(), tokens_);
  hasher_.update(data, bytes);
  start_ += bytes;
  tokens_ += static_cast<std::int64_t>(count);
  return count;
}

// The trailer is next: everything it and the header say must hold, and nothing may follow.
void TokenReader::finish() {
  TokenTrailer trailer;
  LM_CHECK(parse_token_trailer(buffered(), trailer));
  if (trailer.hash != hasher_.digest64()) refuse_damaged_tokens(name(), "its tokens do not have the hash of its trailer");
  if (info_.tokens && *info_.tokens != tokens_) {
    refuse_damaged_tokens(
        name(), "its header counts " + std::to_string(*info_.tokens) + " tokens, its trailer " + std::to_string(tokens_));
  }
  if (info_.documents && *info_.documents != documents_) {
    refuse_damaged_tokens(name(), "its header counts " + std::to_string(*info_.documents) + " documents, its tokens " +
                                      std::to_string(documents_));
  }
  start_ += kTokenTrailerSize;
  if (fill(1)) {
    const auto width = static_cast<std::uint64_t>(info_.bytes_per_token());
    refuse_joined_tokens(name(), kTokenHeaderSize + static_cast<std::uint64_t>(tokens_) * width + kTokenTrailerSize);
  }
  at_end_ = true;
}

}  // namespace lm
