#include "text/bpe_trainer.h"

#include <algorithm>
#include <array>
#include <numeric>

#include "base/error.h"
#include "text/special_names.h"
#include "text/vocabulary/byte_hash.h"
#include "text/vocabulary/byte_level.h"

namespace lm {

namespace {

/// A growing index from packed pairs to consecutive numbers.
class PairNumbers {
 public:
  std::uint32_t number_of(std::uint64_t pair) {
    if (size_ * 2 >= slots_.size()) grow();
    Slot& slot = *find(pair);
    if (slot.pair == kFree) slot = {pair, size_++};
    return slot.number;
  }
  std::uint32_t size() const { return size_; }

 private:
  static constexpr std::uint64_t kFree = 0xFFFFFFFFFFFFFFFF;
  struct Slot {
    std::uint64_t pair = kFree;
    std::uint32_t number = 0;
  };
  Slot* find(std::uint64_t pair) {
    const std::size_t mask = slots_.size() - 1;
    std::size_t slot = hash_pair(pair) & mask;
    while (slots_[slot].pair != kFree && slots_[slot].pair != pair) slot = (slot + 1) & mask;
    return &slots_[slot];
  }
  void grow() {
    std::vector<Slot> old(slots_.size() * 2);
    old.swap(slots_);
    for (const Slot& slot : old) {
      if (slot.pair != kFree) *find(slot.pair) = slot;
    }
  }
  std::vector<Slot> slots_ = std::vector<Slot>(1 << 16);
  std::uint32_t size_ = 0;
};

// All distinct pretokens lie in one array of places, a place for each byte and one between neighbours. A symbol's id is at
// the place of its first byte, its length at its last place; so neighbours are found both ways without links, and a merge
// writes four numbers. Each pair keeps the places where it came to be; some are stale when it is merged, which shows there.
//
// A pair enters the heap once, when it comes to be. Its count only falls after that (a new pair holds the newest token), so
// the top entry is the true maximum if its count is current, and is put back with its current count if not.
class BpeTrainer {
 public:
  BpeTrainer(const PretokenCounts& counts, const BpeTrainerOptions& options) : options_(options) {
    number_tokens();
    lay_out(counts);
    count_first_pairs();
  }

  TokenizerParts run() {
    while (std::int64_t{parts_.tokens.size()} < options_.vocab_size) {
      const std::optional<std::uint32_t> pair = pop_most_frequent();
      if (!pair) break;
      merge(*pair);
      if (options_.progress && parts_.merges.size() % 256 == 0) {
        options_.progress(static_cast<double>(parts_.tokens.size()) / static_cast<double>(options_.vocab_size));
      }
    }
    parts_.pattern = options_.pattern;
    return std::move(parts_);
  }

 private:
  using Place = std::uint32_t;
  static constexpr TokenId kBoundary = 0xFFFFFFFF, kInside = 0xFFFFFFFE;
  struct Pair {
    TokenId left, right;
    std::int64_t count = 0;     // negative if only decrements came: too long to have been counted
    std::uint32_t touched = 0;  // the last merge that raised its count
    std::vector<Place> places;
  };
  struct HeapEntry {
    std::int64_t count;
    TokenId left, right;
    std::uint32_t pair;
  };

  /// Returns true if `a` comes after `b`: the order that makes std's heaps have the next merge on top.
  bool comes_after(const HeapEntry& a, const HeapEntry& b) const {
    if (a.count != b.count) return a.count < b.count;
    if (options_.ties != BpeTrainerOptions::Ties::lex) return a.left != b.left ? a.left > b.left : a.right > b.right;
    const TokenStrings& tokens = parts_.tokens;
    const int left = tokens[a.left].compare(tokens[b.left]);
    return left != 0 ? left < 0 : tokens[a.right].compare(tokens[b.right]) < 0;
  }
  auto heap_order() const {
    return [this](const HeapEntry& a, const HeapEntry& b) { return comes_after(a, b); };
  }

  void number_tokens();
  void lay_out(const PretokenCounts& counts);
  void count_first_pairs();
  std::uint32_t pair_number(TokenId left, TokenId right);
  std::optional<std::uint32_t> pop_most_frequent();
  TokenId make_token(const Pair& pair);
  void merge(std::uint32_t number);
  void merge_at(Place place, TokenId left, TokenId right, TokenId made);
  void lower(TokenId left, TokenId right, std::int64_t count);
  void raise(TokenId left, TokenId right, std::int64_t count, Place place);
  void queue_raised_pairs();
  std::int64_t length_of(TokenId id) const { return static_cast<std::int64_t>(parts_.tokens[id].size()); }

  const BpeTrainerOptions& options_;
  TokenizerParts parts_;
  std::array<TokenId, 256> byte_ids_{};
  std::vector<TokenId> token_at_;         // by place
  std::vector<std::uint32_t> length_to_;  // by place: length of the symbol that ends there
  std::vector<std::uint32_t> word_at_;    // by place
  std::vector<std::int64_t> word_counts_;
  PairNumbers numbers_;
  std::vector<Pair> pairs_;
  std::vector<HeapEntry> heap_;
  std::vector<std::uint32_t> raised_;  // pairs whose count this merge raised
};

void BpeTrainer::number_tokens() {
  const std::int64_t least = static_cast<std::int64_t>(options_.special_tokens.size()) + 256;
  if (options_.vocab_size < least) {
    throw Error("a vocabulary of " + std::to_string(options_.vocab_size) + " is too small: the 256 bytes and " +
                std::to_string(options_.special_tokens.size()) + " special tokens need " + std::to_string(least));
  }
  if (options_.vocab_size > INT32_MAX)
    throw Error("a vocabulary of " + std::to_string(options_.vocab_size) + " is too large");
  check_special_names(options_.special_tokens);
  for (const std::string& token : options_.special_tokens) {
    parts_.added.push_back({parts_.tokens.size(), true});
    parts_.tokens.push_back(token);
  }
  std::array<unsigned, 256> order;
  std::iota(order.begin(), order.end(), 0u);
  if (options_.ties == BpeTrainerOptions::Ties::hf) {
    const auto& code_points = byte_level_code_points();
    std::sort(order.begin(), order.end(), [&](unsigned a, unsigned b) { return code_points[a] < code_points[b]; });
  }
  for (const unsigned byte : order) {
    byte_ids_[byte] = parts_.tokens.size();
    const char text = static_cast<char>(byte);
    parts_.tokens.push_back({&text, 1});
  }
}

void BpeTrainer::lay_out(const PretokenCounts& counts) {
  std::uint64_t places = 1;
  for (std::uint32_t word = 0; word < counts.size(); ++word) places += counts.pretoken(word).size() + 1;
  if (places >= kInside)
    throw Error("the distinct pretokens have 4 GiB together, which is too much; use less text or another pattern");
  token_at_.reserve(places);
  word_at_.reserve(places);
  length_to_.assign(places, 1);
  token_at_.push_back(kBoundary);
  word_at_.push_back(0);
  for (std::uint32_t word = 0; word < counts.size(); ++word) {
    for (const char byte : counts.pretoken(word)) token_at_.push_back(byte_ids_[static_cast<unsigned char>(byte)]);
    token_at_.push_back(kBoundary);
    word_at_.resize(token_at_.size(), word);
    word_counts_.push_back(static_cast<std::int64_t>(counts.count(word)));
  }
}

void BpeTrainer::count_first_pairs() {
  for (Place place = 1; place + 1 < token_at_.size(); ++place) {
    const TokenId left = token_at_[place], right = token_at_[place + 1];
    if (left == kBoundary || right == kBoundary) continue;
    Pair& pair = pairs_[pair_number(left, right)];
    pair.count += word_counts_[word_at_[place]];
    pair.places.push_back(place);
  }
  for (std::uint32_t number = 0; number < pairs_.size(); ++number) {
    heap_.push_back({pairs_[number].count, pairs_[number].left, pairs_[number].right, number});
  }
  std::make_heap(heap_.begin(), heap_.end(), heap_order());
}

std::uint32_t BpeTrainer::pair_number(TokenId left, TokenId right) {
  const std::uint32_t number = numbers_.number_of((std::uint64_t{left} << 32) | right);
  if (number == pairs_.size()) pairs_.push_back({left, right, 0, 0, {}});
  return number;
}

std::optional<std::uint32_t> BpeTrainer::pop_most_frequent() {
  while (!heap_.empty()) {
    std::pop_heap(heap_.begin(), heap_.end(), heap_order());
    HeapEntry entry = heap_.back();
    heap_.pop_back();
    const std::int64_t count = pairs_[entry.pair].count;
    if (entry.count == count) {
      const bool rare = count < 1 || static_cast<std::uint64_t>(count) < options_.min_frequency;
      return rare ? std::nullopt : std::optional(entry.pair);
    }
    if (count < 1) continue;
    entry.count = count;
    heap_.push_back(entry);
    std::push_heap(heap_.begin(), heap_.end(), heap_order());
  }
  return std::nullopt;
}

TokenId BpeTrainer::make_token(const Pair& pair) {
  const std::string bytes = std::string(parts_.tokens[pair.left]).append(parts_.tokens[pair.right]);
  for (const AddedToken& special : parts_.added) {
    if (parts_.tokens[special.id] == bytes) return special.id;
  }
  parts_.tokens.push_back(bytes);
  return parts_.tokens.size() - 1;
}

void BpeTrainer::merge(std::uint32_t number) {
  const TokenId left = pairs_[number].left, right = pairs_[number].right;
  std::vector<Place> places;
  places.swap(pairs_[number].places);
  pairs_[number].count = 0;
  const TokenId made = make_token(pairs_[number]);
  parts_.merges.push_back({left, right});
  // In a run of one token the first two merge first.
  if (left == right) std::sort(places.begin(), places.end());
  for (const Place place : places) merge_at(place, left, right, made);
  pairs_[number].count = 0;  // runs have lowered it
  queue_raised_pairs();
}

void BpeTrainer::merge_at(Place place, TokenId left, TokenId right, TokenId made) {
  if (token_at_[place] != left) return;
  const auto left_length = static_cast<Place>(length_of(left)), right_length = static_cast<Place>(length_of(right));
  const Place right_place = place + left_length;
  if (token_at_[right_place] != right) return;
  const Place length = left_length + right_length, after_place = place + length;
  const std::int64_t count = word_counts_[word_at_[place]];
  const std::int64_t limit = options_.max_token_length.value_or(INT64_MAX);
  if (token_at_[place - 1] != kBoundary) {
    const Place before_place = place - length_to_[place - 1];
    const TokenId before = token_at_[before_place];
    lower(before, left, count);
    if (length_of(before) + std::int64_t{length} < limit) raise(before, made, count, before_place);
  }
  if (const TokenId after = token_at_[after_place]; after != kBoundary) {
    lower(right, after, count);
    if (std::int64_t{length} + length_of(after) < limit) raise(made, after, count, place);
  }
  token_at_[place] = made;
  token_at_[right_place] = kInside;
  length_to_[after_place - 1] = length;
}

void BpeTrainer::lower(TokenId left, TokenId right, std::int64_t count) { pairs_[pair_number(left, right)].count -= count; }

void BpeTrainer::raise(TokenId left, TokenId right, std::int64_t count, Place place) {
  const std::uint32_t number = pair_number(left, right);
  Pair& pair = pairs_[number];
  pair.count += count;
  pair.places.push_back(place);
  const auto merges = static_cast<std::uint32_t>(parts_.merges.size());
  if (pair.touched == merges) return;
  pair.touched = merges;
  raised_.push_back(number);
}

void BpeTrainer::queue_raised_pairs() {
  for (const std::uint32_t number : raised_) {
    const Pair& pair = pairs_[number];
    if (pair.count < 1) continue;
    heap_.push_back({pair.count, pair.left, pair.right, number});
    std::push_heap(heap_.begin(), heap_.end(), heap_order());
  }
  raised_.clear();
}

}  // namespace

TokenizerParts train_bpe(const PretokenCounts& counts, const BpeTrainerOptions& options) {
  return BpeTrainer(counts, options).run();
}

}  // namespace lm
