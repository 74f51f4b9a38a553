#include "text/training/bpe_merger.h"

#include <algorithm>
#include <string>

#include "base/error.h"
#include "text/training/memory_bound.h"

namespace lm {

namespace {

/// Bytes for each slot of the table of pairs: the slot and, while the table grows, half a slot; and of five eighths of them a
/// copy while pairs are found, and after that an entry in the heap.
constexpr std::uint64_t kSlotBytes = 52;
constexpr std::uint64_t kMostSlots = std::uint64_t{1} << 31U;

/// Returns how many pairs may be kept in so many bytes.
std::uint64_t pairs_in(std::uint64_t bytes) {
  std::uint64_t slots = 1024;
  while (slots < kMostSlots && slots * 2 * kSlotBytes <= bytes) slots *= 2;
  return slots / 8 * 5;
}

}  // namespace

template <class Symbol>
BpeMerger<Symbol>::BpeMerger(Words& words, TokenizerParts& parts, const BpeTrainerOptions& options, std::uint64_t memory,
                             std::uint64_t symbols)
    : words_(words),
      parts_(parts),
      options_(options),
      least_(static_cast<std::int64_t>(std::clamp<std::uint64_t>(options.min_frequency, 1, INT64_MAX))),
      memory_(memory),
      symbols_(symbols) {
  share_memory(memory / 8 * 5);
  left_.resize(static_cast<std::size_t>(options.vocab_size));
  right_.resize(left_.size());
  for (TokenId id = 0; id < parts.tokens.size(); ++id) lengths_.push_back(static_cast<Place>(parts.tokens[id].size()));
  // A low estimate of the count of the last merge that there will be.
  const std::uint64_t merges =
      std::max<std::uint64_t>(1, static_cast<std::uint64_t>(options.vocab_size) - parts.tokens.size());
  find_pairs(std::max(least_, static_cast<std::int64_t>(symbols / merges / 64)));
}

template <class Symbol>
void BpeMerger<Symbol>::share_memory(std::uint64_t for_pairs) {
  most_pairs_ = pairs_in(for_pairs);
  const std::uint64_t taken = most_pairs_ / 5 * 8 * kSlotBytes;
  most_places_ = std::min<std::uint64_t>((memory_ - std::min(memory_, taken)) / sizeof(Place), UINT32_MAX);
}

/// Returns true if `a` comes after `b`: the order that makes std's heaps have the next merge on top.
template <class Symbol>
bool BpeMerger<Symbol>::comes_after(const Entry& a, const Entry& b) const {
  if (a.count != b.count) return a.count < b.count;
  if (options_.ties != BpeTrainerOptions::Ties::lex) return a.pair > b.pair;
  const TokenStrings& tokens = parts_.tokens;
  const int left = tokens[left_of(a.pair)].compare(tokens[left_of(b.pair)]);
  return left != 0 ? left < 0 : tokens[right_of(a.pair)].compare(tokens[right_of(b.pair)]) < 0;
}

template <class Symbol>
bool BpeMerger<Symbol>::is_kept(const Entry& entry) const {
  return entry.count >= threshold_ && !(last_kept_ && comes_after(entry, *last_kept_));
}

template <class Symbol>
void BpeMerger<Symbol>::push(const Entry& entry) {
  if (heap_size_ == heap_.size())
    heap_.resize(std::max<std::uint64_t>(1024, std::min(most_pairs_, heap_size_ + heap_size_ / 2)));
  heap_[heap_size_++] = entry;
  std::push_heap(heap_.data(), heap_.data() + heap_size_, heap_order());
}

template <class Symbol>
void BpeMerger<Symbol>::pop() {
  std::pop_heap(heap_.data(), heap_.data() + heap_size_, heap_order());
  --heap_size_;
}

template <class Symbol>
std::optional<typename BpeMerger<Symbol>::Entry> BpeMerger<Symbol>::next_pair() {
  while (heap_size_ > 0) {
    Entry entry = heap_[0];
    const std::int64_t count = pairs_.find(entry.pair)->count;
    pop();
    if (entry.count == count) return entry;
    entry.count = count;
    if (is_kept(entry)) push(entry);
  }
  return std::nullopt;
}

template <class Symbol>
std::uint64_t BpeMerger<Symbol>::merge_next() {
  for (;;) {
    if (is_full_) find_pairs(threshold_);
    if (const std::optional<Entry> entry = next_pair()) {
      merge(*pairs_.find(entry->pair));
      return static_cast<std::uint64_t>(entry->count);
    }
    if (threshold_ <= least_ && !last_kept_) return 0;
    find_pairs(last_kept_ ? threshold_ : std::max(least_, threshold_ / 4));
  }
}

// Finding pairs again

template <class Symbol>
bool BpeMerger<Symbol>::may_merge(TokenId left, TokenId right) const {
  const std::int64_t length = std::int64_t{length_of(left)} + length_of(right);
  return !options_.max_token_length || length < *options_.max_token_length || length == 2;
}

/// Keeps the pairs that occur so often, or as many of them as there is room for, and half of the room is left for new ones.
template <class Symbol>
void BpeMerger<Symbol>::find_pairs(std::int64_t least_count) {
  is_full_ = false;
  last_kept_.reset();
  heap_.reset();
  heap_size_ = 0;
  threshold_ = least_count;
  for (;;) {
    collect_pairs();
    if (kept_size_ > 0 || threshold_ <= least_) break;
    threshold_ = std::max(least_, threshold_ / 8);
  }
  use_kept();
  kept_.reset();
}

/// Counts all pairs, in as many parts as make each fit into the table.
template <class Symbol>
void BpeMerger<Symbol>::collect_pairs() {
  for (std::uint64_t parts = 1;; parts *= 2) {
    kept_size_ = 0;
    std::uint64_t part = 0;
    while (part < parts && collect_part(part, parts)) ++part;
    if (part == parts) break;
  }
  drop_rare();
}

template <class Symbol>
bool BpeMerger<Symbol>::collect_part(std::uint64_t part, std::uint64_t parts) {
  pairs_.reset(0, most_pairs_);
  bool fits = true;
  words_.for_each_pair([this](TokenId id) { return length_of(id); },
                       [&](Place, TokenId left, TokenId right, std::int64_t count) {
                         const std::uint64_t packed = pack_pair(left, right);
                         // The upper bits: the lower ones choose the slot.
                         if (!fits || (parts > 1 && (hash_pair(packed) >> 40U) % parts != part) || !may_merge(left, right))
                           return;
                         Pair* pair = pairs_.insert(packed);
                         if (pair == nullptr) {
                           fits = false;
                           return;
                         }
                         pair->count += count;
                         ++pair->places;
                       });
  if (fits) pairs_.for_each([this](const Pair& pair) { keep(pair); });
  return fits;
}

template <class Symbol>
void BpeMerger<Symbol>::keep(const Pair& pair) {
  if (!is_kept({pair.count, pair.pair})) return;
  if (kept_size_ == most_pairs_) drop_rare();
  if (!is_kept({pair.count, pair.pair})) return;
  if (kept_size_ == kept_.size())
    kept_.resize(std::max<std::uint64_t>(1024, std::min(most_pairs_, kept_size_ + kept_size_ / 2)));
  kept_[kept_size_++] = pair;
}

template <class Symbol>
void BpeMerger<Symbol>::drop_rare() {
  std::uint64_t places = 0;
  for (std::uint64_t i = 0; i < kept_size_; ++i) places += kept_[i].places;
  if (kept_size_ <= most_pairs_ / 2 && places <= most_places_ / 2) return;
  std::sort(kept_.data(), kept_.data() + kept_size_, [this](const Pair& a, const Pair& b) {
    return comes_after({b.count, b.pair}, {a.count, a.pair});
  });
  const auto count_kept = [&] {
    std::uint64_t kept = 0, taken = 0;
    while (kept < kept_size_ && kept < most_pairs_ / 2 && taken + kept_[kept].places <= most_places_ / 2)
      taken += kept_[kept++].places;
    return kept;
  };
  std::uint64_t kept = count_kept();
  if (kept == 0) {  // words of few kinds of bytes: less for pairs, more for their places
    share_memory(std::min(kLeastBytes, memory_ / 8 * 5));
    kept = count_kept();
  }
  if (kept == 0) {
    const std::uint64_t others = options_.memory - memory_ + options_.memory_before;
    throw Error("a pair of tokens occurs at more places than --memory has room for; " +
                memory_that_would_do(others + enough_memory(words_.places())));
  }
  if (kept == kept_size_) return;
  kept_size_ = kept;
  last_kept_ = Entry{kept_[kept - 1].count, kept_[kept - 1].pair};
  threshold_ = last_kept_->count;
}

/// Enters the kept pairs into table and heap, and finds their places, which are in order.
template <class Symbol>
void BpeMerger<Symbol>::use_kept() {
  pairs_.reset(kept_size_, most_pairs_);
  used_places_ = 0;
  for (std::uint64_t i = 0; i < kept_size_; ++i) {
    const Pair& kept = kept_[i];
    *pairs_.insert(kept.pair) = {kept.pair, kept.count, static_cast<std::uint32_t>(used_places_), 0};
    used_places_ += kept.places;
  }
  if (places_.size() < used_places_) {
    places_.reset();
    places_.resize(used_places_);
  }
  words_.for_each_pair([this](TokenId id) { return length_of(id); },
                       [&](Place place, TokenId left, TokenId right, std::int64_t) {
                         Pair* pair = pairs_.find(pack_pair(left, right));
                         if (pair != nullptr) places_[pair->first + pair->places++] = place;
                       });
  const std::uint64_t count = kept_size_;
  kept_size_ = 0;
  heap_.resize(count);
  heap_size_ = 0;
  for (std::uint64_t i = 0; i < count; ++i) heap_[heap_size_++] = {kept_[i].count, kept_[i].pair};
  std::make_heap(heap_.data(), heap_.data() + heap_size_, heap_order());
}

// Merging

template <class Symbol>
TokenId BpeMerger<Symbol>::make_token(std::uint64_t pair) {
  const std::string bytes = std::string(parts_.tokens[left_of(pair)]).append(parts_.tokens[right_of(pair)]);
  for (const AddedToken& special : parts_.added) {
    if (parts_.tokens[special.id] == bytes) return special.id;
  }
  parts_.tokens.push_back(bytes);
  lengths_.push_back(static_cast<Place>(bytes.size()));
  return parts_.tokens.size() - 1;
}

template <class Symbol>
void BpeMerger<Symbol>::merge(const Pair& pair) {
  const std::uint64_t packed = pair.pair, first = pair.first, end = first + pair.places;
  const TokenId left = left_of(packed), right = right_of(packed), made = make_token(packed);
  parts_.merges.push_back({left, right});
  // The places where it was done take the front of the list.
  std::uint64_t applied = first;
  for (std::uint64_t i = first; i < end; ++i) {
    const Place place = places_[i];
    if (i + 8 < end) __builtin_prefetch(&words_.front()[places_[i + 8]]);
    if (words_[place] != left || words_[place + length_of(left)] != right) continue;
    merge_at(place, left, right, made);
    places_[applied++] = place;
  }
  pairs_.find(packed)->count = 0;
  take_raised(first, applied, made);
  for (const Raised& raised : raised_) (raised.is_left ? left_ : right_)[raised.neighbour] = 0;
  raised_.clear();
}

template <class Symbol>
void BpeMerger<Symbol>::merge_at(Place place, TokenId left, TokenId right, TokenId made) {
  const Place left_length = length_of(left), right_length = length_of(right);
  const std::int64_t count = words_.count_at(place);
  if (const Symbol before = words_[place - 1]; before != Words::kBoundary) {
    lower(before, left, made, count);
    raise(before, true, count);
  }
  if (const Symbol after = words_[place + left_length + right_length]; after != Words::kBoundary) {
    lower(right, after, made, count);
    raise(after, false, count);
  }
  words_.merge(place, left_length, right_length, made);
  symbols_ -= static_cast<std::uint64_t>(count);
}

template <class Symbol>
void BpeMerger<Symbol>::lower(TokenId left, TokenId right, TokenId made, std::int64_t count) {
  if (left == made) {  // this merge has raised it
    Raised& raised = raised_[right_[right] - 1];
    raised.count -= count;
    --raised.places;
  } else if (Pair* pair = pairs_.find(pack_pair(left, right))) {
    pair->count -= count;
  }
}

template <class Symbol>
void BpeMerger<Symbol>::raise(TokenId neighbour, bool is_left, std::int64_t count) {
  std::uint32_t& number = (is_left ? left_ : right_)[neighbour];
  if (number == 0) {
    raised_.push_back({neighbour, is_left, 0, 0, 0});
    number = static_cast<std::uint32_t>(raised_.size());
  }
  Raised& raised = raised_[number - 1];
  raised.count += count;
  ++raised.places;
}

template <class Symbol>
bool BpeMerger<Symbol>::make_room(std::uint64_t places, std::uint64_t pairs) {
  const std::uint64_t needed = used_places_ + places;
  if (needed > most_places_ || pairs_.size() + pairs > most_pairs_) return false;
  if (needed > places_.size()) places_.resize(std::min(most_places_, needed + needed / 4));
  return true;
}

/// Keeps the pairs with the new token that are frequent enough.
template <class Symbol>
void BpeMerger<Symbol>::take_raised(std::uint64_t first, std::uint64_t applied, TokenId made) {
  std::uint64_t places = 0, pairs = 0;
  const auto pair_of = [&](const Raised& raised) {
    return raised.is_left ? pack_pair(raised.neighbour, made) : pack_pair(made, raised.neighbour);
  };
  for (Raised& raised : raised_) {
    const std::uint64_t pair = pair_of(raised);
    if (!is_kept({raised.count, pair}) || !may_merge(left_of(pair), right_of(pair))) {
      raised.places = 0;
      continue;
    }
    places += raised.places;
    ++pairs;
  }
  if (pairs == 0) return;
  if (!make_room(places, pairs)) {
    is_full_ = true;
    return;
  }
  for (Raised& raised : raised_) {
    if (raised.places == 0) continue;
    const std::uint64_t pair = pair_of(raised);
    *pairs_.insert(pair) = {pair, raised.count, static_cast<std::uint32_t>(used_places_), raised.places};
    raised.next = static_cast<std::uint32_t>(used_places_);
    used_places_ += raised.places;
    push({raised.count, pair});
  }
  fill_places(first, applied, made);
}

template <class Symbol>
void BpeMerger<Symbol>::fill_places(std::uint64_t first, std::uint64_t applied, TokenId made) {
  const Place length = length_of(made);
  for (std::uint64_t i = first; i < applied; ++i) {
    const Place place = places_[i];
    if (const Symbol before = words_[place - 1]; before != Words::kBoundary) {
      Raised& raised = raised_[left_[before] - 1];
      if (raised.places > 0) places_[raised.next++] = place - length_of(before);
    }
    if (const Symbol after = words_[place + length]; after != Words::kBoundary && after != made) {
      Raised& raised = raised_[right_[after] - 1];
      if (raised.places > 0) places_[raised.next++] = place;
    }
  }
}

template class BpeMerger<std::uint16_t>;
template class BpeMerger<std::uint32_t>;

}  // namespace lm
