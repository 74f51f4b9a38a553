#include "data/pieces.h"

#include <algorithm>

#include "base/error.h"
#include "base/rng.h"

namespace lm {

namespace {

constexpr std::int64_t kBlock = std::int64_t{1} << 20;

/// Calls visit(first, length, ends_document) for every piece of the corpus, in order.
template <class Visit>
void for_each_piece(const TokenCorpus& corpus, std::int64_t piece_length, Visit&& visit) {
  const TokenId end_of_text = corpus.info().end_of_text;
  std::vector<TokenId> block;
  std::int64_t first = 0;
  for (std::int64_t place = 0; place < corpus.size(); place += kBlock) {
    block.resize(static_cast<std::size_t>(std::min(kBlock, corpus.size() - place)));
    corpus.copy(place, block);
    for (std::size_t i = 0; i < block.size(); ++i) {
      const std::int64_t here = place + static_cast<std::int64_t>(i);
      if (block[i] == end_of_text) {
        visit(first, here - first, true);
        first = here + 1;
      } else if (here - first == piece_length) {
        visit(first, piece_length, false);
        first = here;
      }
    }
  }
  // Held-out parts may end inside a document.
  if (first < corpus.size()) visit(first, corpus.size() - first, false);
}

}  // namespace

PieceWindows::PieceWindows(TokenCorpus corpus, const PieceOptions& options) : corpus_(std::move(corpus)), options_(options) {
  LM_CHECK(options.piece_length >= 1 && 1 + options.piece_length + options.overhead <= options.places);
  std::int64_t used = options.places;  // the first piece begins a window
  for_each_piece(corpus_, options.piece_length, [&](std::int64_t first, std::int64_t length, bool) {
    if (used + length + options.overhead > options.places) {
      starts_.push_back(first);
      used = 1;
    }
    used += length + options.overhead;
  });
}

void PieceWindows::window(std::int64_t epoch, std::int64_t index, std::vector<TokenId>& tokens,
                          std::vector<WindowPiece>& pieces) const {
  std::int64_t number = index;
  if (options_.order == WindowOrder::shuffled) {
    number = Permutation(count(), rng_key(options_.seed, RngPurpose::data_order), static_cast<std::uint64_t>(epoch))(index);
  }
  const auto window = static_cast<std::size_t>(number);
  const std::int64_t first = starts_[window];
  const std::int64_t last = window + 1 < starts_.size() ? starts_[window + 1] : corpus_.size();
  std::vector<TokenId> raw(static_cast<std::size_t>(last - first));
  corpus_.copy(first, raw);
  tokens.clear();
  pieces.clear();
  std::int64_t begin = 0;
  const auto finish = [&](bool ends_document) {
    const auto end = static_cast<std::int64_t>(tokens.size());
    pieces.push_back({.begin = begin, .end = end, .ends_document = ends_document});
    begin = end;
  };
  for (std::size_t i = 0; i < raw.size(); ++i) {
    const bool closes = raw[i] == corpus_.info().end_of_text;
    if (closes) {
      finish(true);
    } else {
      if (static_cast<std::int64_t>(tokens.size()) - begin == options_.piece_length) finish(false);
      tokens.push_back(raw[i]);
    }
  }
  if (static_cast<std::int64_t>(tokens.size()) > begin) finish(false);
}

}  // namespace lm
