#include <algorithm>
#include <vector>

#include "base/error.h"
#include "data/store_ids.h"
#include "data/token_file.h"
#include "data/token_file_bytes.h"

namespace lm {

TokenWriter::TokenWriter(OutputStream& output, const TokenFileInfo& info) : output_(output), info_(info) {
  if (info_.vocab_size < 1 || info_.vocab_size > std::int64_t{0xFFFFFFFF} || info_.end_of_text >= info_.vocab_size) {
    throw Error("cannot write '" + output_.name() + "': a vocabulary of " + std::to_string(info_.vocab_size) +
                " with end-of-text " + std::to_string(info_.end_of_text) + " does not fit a token stream");
  }
  info_.tokens.reset();
  info_.documents.reset();
  const auto header = token_header(info_);
  output_.write(header.data(), header.size());
}

void TokenWriter::write(std::span<const TokenId> tokens) {
  constexpr std::size_t kPiece = 4096;
  const auto width = static_cast<std::size_t>(info_.bytes_per_token());
  std::array<char, kPiece * 4> bytes;
  while (!tokens.empty()) {
    const auto piece = tokens.first(std::min(kPiece, tokens.size()));
    const auto limit = static_cast<TokenId>(info_.vocab_size);
    const IdFacts facts = width == 2 ? store_ids<std::uint16_t>(piece, limit, info_.end_of_text, bytes.data())
                                     : store_ids<std::uint32_t>(piece, limit, info_.end_of_text, bytes.data());
    if (facts.outside != 0) {
      const auto outside = std::find_if(piece.begin(), piece.end(), [&](TokenId id) { return id >= limit; });
      refuse_token_id(output_.name(), tokens_ + (outside - piece.begin()), *outside, info_.vocab_size);
    }
    documents_ += facts.counted;
    hasher_.update(bytes.data(), piece.size() * width);
    output_.write(bytes.data(), piece.size() * width);
    tokens_ += static_cast<std::int64_t>(piece.size());
    tokens = tokens.subspan(piece.size());
  }
}

void TokenWriter::end_document() { write({&info_.end_of_text, 1}); }

void TokenWriter::finish() {
  const auto trailer = token_trailer(tokens_, hasher_.digest64());
  output_.write(trailer.data(), trailer.size());
  if (!output_.can_patch()) return;
  info_.tokens = tokens_;
  info_.documents = documents_;
  const auto header = token_header(info_);
  output_.patch(kTokenCountOffset, header.data() + kTokenCountOffset, 16);
}

}  // namespace lm
