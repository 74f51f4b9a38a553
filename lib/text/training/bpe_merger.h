// BpeMerger: the loop of training: the pair that comes next, and what its merge changes.
//
// Only pairs that are frequent enough to merge are kept: those whose count is at least a threshold, when they come to be. A
// pair's count only falls after that (a new pair holds the newest token), so the others cannot be next before all of these
// are. Then, or when memory is full, the threshold is set anew, and pairs and places are found again in the words. The
// threshold therefore decides memory and time, and never the result.
//
// The heap is lazy: each pair is in it once, with a count that may have fallen since; so if the count of the top is current,
// it is the true maximum, and else it is put back.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "text/training/bpe_trainer.h"
#include "text/training/live_pairs.h"
#include "text/training/word_array.h"

namespace lm {

template <class Symbol>
class BpeMerger {
 public:
  using Words = WordArray<Symbol>;
  /// Has all parts of the tokenizer but merges and what they make; `memory`: for pairs and places.
  /// `symbols`: of all words, each as often as it occurs.
  BpeMerger(Words& words, TokenizerParts& parts, const BpeTrainerOptions& options, std::uint64_t memory,
            std::uint64_t symbols);
  /// Merges the most frequent pair; returns its count, or 0 if none is frequent enough.
  std::uint64_t merge_next();
  /// Returns how many symbols all words have together, each as often as it occurs.
  std::uint64_t symbols() const { return symbols_; }

  /// Returns the memory that pairs and places of text take at least, if it is not to be slow, and what is enough for any
  /// words, the most monotonous too.
  static std::uint64_t least_memory(std::uint64_t places) { return kLeastBytes + places / 2; }
  static std::uint64_t enough_memory(std::uint64_t places) { return kLeastBytes + places * 2 * sizeof(Place); }

 private:
  using Place = typename Words::Place;
  using Pair = LivePairs::Pair;
  static constexpr std::uint64_t kLeastBytes = std::uint64_t{2} << 20U;
  struct Entry {
    std::int64_t count;
    std::uint64_t pair;
  };
  struct Raised {
    TokenId neighbour;
    bool is_left;  // the neighbour is left of the new token
    std::int64_t count;
    std::uint32_t places, next;
  };

  bool comes_after(const Entry& a, const Entry& b) const;
  auto heap_order() const {
    return [this](const Entry& a, const Entry& b) { return comes_after(a, b); };
  }
  bool is_kept(const Entry& entry) const;
  void push(const Entry& entry);
  void pop();
  std::optional<Entry> next_pair();

  void find_pairs(std::int64_t least_count);
  void collect_pairs();
  bool collect_part(std::uint64_t part, std::uint64_t parts);
  void keep(const Pair& pair);
  void share_memory(std::uint64_t for_pairs);
  void drop_rare();
  void use_kept();
  bool may_merge(TokenId left, TokenId right) const;

  TokenId make_token(std::uint64_t pair);
  void merge(const Pair& pair);
  void merge_at(Place place, TokenId left, TokenId right, TokenId made);
  void lower(TokenId left, TokenId right, TokenId made, std::int64_t count);
  void raise(TokenId neighbour, bool is_left, std::int64_t count);
  void take_raised(std::uint64_t first, std::uint64_t applied, TokenId made);
  bool make_room(std::uint64_t places, std::uint64_t pairs);
  void fill_places(std::uint64_t first, std::uint64_t applied, TokenId made);
  Place length_of(TokenId id) const { return lengths_[id]; }

  Words& words_;
  TokenizerParts& parts_;
  const BpeTrainerOptions& options_;
  const std::int64_t least_;  // the smallest threshold
  const std::uint64_t memory_;
  std::uint64_t most_pairs_ = 0, most_places_ = 0;

  std::int64_t threshold_ = 0;           // pairs that are rarer are not kept
  std::optional<Entry> last_kept_ = {};  // nor those of that count that come after this
  std::uint64_t symbols_ = 0;
  bool is_full_ = false;  // pairs that may merge found no room
  std::vector<Place> lengths_;
  LivePairs pairs_;
  PageArray<Place> places_;
  std::uint64_t used_places_ = 0;
  PageArray<Entry> heap_;
  std::uint64_t heap_size_ = 0;
  PageArray<Pair> kept_;  // while pairs are found
  std::uint64_t kept_size_ = 0;
  std::vector<Raised> raised_;               // by this merge
  std::vector<std::uint32_t> left_, right_;  // by neighbour on that side: its number in raised_, and 1
};

extern template class BpeMerger<std::uint16_t>;
extern template class BpeMerger<std::uint32_t>;

}  // namespace lm
