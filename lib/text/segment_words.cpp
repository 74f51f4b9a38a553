// Sections word by word: a table of words that have come before in front of the stages that segment_encoder.h names.
#include <algorithm>

#include "text/segment_encoder.h"

namespace lm {

void SegmentEncoder::encode_words(std::string_view text, Edges edges, std::vector<TokenId>& ids) {
  word_spans_.begin(text);
  while (const std::size_t count = word_spans_.next()) {
    const std::uint32_t* starts = word_spans_.starts();
    std::size_t first = 0, last = count;
    const auto encode_edge = [&](std::size_t i) {
      const bool is_begin = starts[i] == 0, is_end = starts[i + 1] == text.size();
      const Edges its_edges{
          .first = edges.first && is_begin, .begins = edges.begins && is_begin, .ends = edges.ends && is_end};
      encode_part(text.substr(starts[i], starts[i + 1] - starts[i]), its_edges, ids);
    };
    if (starts[0] == 0) encode_edge(first++);
    // Of the others a whole key can be read.
    while (last > first && starts[last - 1] + PieceTable::kKeyBytes > text.size()) --last;
    if (last > first && starts[last] == text.size()) --last;
    while (first < last) {
      const std::size_t some = std::min(PieceBatch::kMost, last - first);
      encode_inner_words(text, starts + first, some, ids);
      first += some;
    }
    for (; first < count; ++first) encode_edge(first);
  }
}

void SegmentEncoder::encode_inner_words(std::string_view text, const std::uint32_t* starts, std::size_t count,
                                        std::vector<TokenId>& ids) {
  const std::size_t before = ids.size();
  const UnigramEncoder::Place place = sums_ == nullptr ? UnigramEncoder::Place{} : sums_->place();
  if (find_words(text, starts, count, ids)) return;
  ids.resize(before);
  sums_->go_to(place);
  for (std::size_t i = 0; i < count; ++i)
    encode_part(text.substr(starts[i], starts[i + 1] - starts[i]), {.first = false, .begins = false, .ends = false}, ids);
}

/// Returns false if sums, which are too large, could decide.
bool SegmentEncoder::find_words(std::string_view text, const std::uint32_t* starts, std::size_t count,
                                std::vector<TokenId>& ids) {
  word_batch_.look_up(words_, text.data(), starts, count);
  const TokenId* done = word_batch_.begin();
  const auto take = [&](const TokenId* end) {
    ids.insert(ids.end(), done, end);
    const std::span<const TokenId> taken(done, end);
    done = end;
    return skip_sums(taken);
  };
  for (const PieceBatch::Gap& gap : word_batch_.gaps()) {
    if (!take(word_batch_.begin() + gap.place)) return false;
    const std::size_t before = ids.size();
    if (!words_.find(gap.piece, gap.key, ids)) {
      encode_new_word(gap, ids);
    } else if (!skip_sums(std::span(ids).subspan(before))) {
      return false;
    }
  }
  return take(word_batch_.end());
}

bool SegmentEncoder::skip_sums(std::span<const TokenId> ids) {
  return sums_ == nullptr || sums_->skip(ids.data(), ids.data() + ids.size());
}

/// Encodes a word and remembers it, if its ids are always the same and unknown text in it need not be counted.
void SegmentEncoder::encode_new_word(const PieceBatch::Gap& word, std::vector<TokenId>& ids) {
  const std::size_t before = ids.size();
  const std::uint64_t unknown_before = unknown_bytes();
  encode_part(word.piece, {.first = false, .begins = false, .ends = false}, ids);
  if (unknown_bytes() != unknown_before) return;
  if (sums_ != nullptr && !sums_->is_decided(tables_.normalizer.is_identity() ? word.piece : normalized_)) return;
  words_.insert(word.piece, word.key, std::span(ids).subspan(before));
}

}  // namespace lm
