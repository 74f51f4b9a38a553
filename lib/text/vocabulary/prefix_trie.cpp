#include "text/vocabulary/prefix_trie.h"

#include <algorithm>
#include <array>

#include "base/error.h"

namespace lm {

/// Places one node after the other, each where all its children find free slots.
class PrefixTrie::Builder {
 public:
  explicit Builder(std::vector<Slot>& slots) : slots_(slots) {
    slots_.assign(kFirstUsed, Slot{});
    grow(2 * kFirstUsed);
    is_base_[kLeafBase] = true;
  }

  void build(const std::vector<Key>& keys) {
    std::vector<Range> open{{0, keys.size(), 0, kRoot}};
    while (!open.empty()) {
      Range range = open.back();
      open.pop_back();
      for (; range.begin < range.end && keys[range.begin].first.size() == range.depth; ++range.begin)
        set_token(range.node, keys[range.begin].second);
      if (range.begin == range.end) continue;
      place_children(keys, range, open);
    }
    slots_.shrink_to_fit();
  }

 private:
  // Keys that have their first `depth` bytes in common, which lead to `node`.
  struct Range {
    std::size_t begin, end, depth;
    Node node;
  };

  void set_token(Node node, TokenId token) {
    if (node != kRoot) slots_[node].info = (token << 9) | (slots_[node].info & 0x1FF);
  }

  void place_children(const std::vector<Key>& keys, const Range& range, std::vector<Range>& open) {
    const auto byte_at = [&](std::size_t key) { return static_cast<unsigned char>(keys[key].first[range.depth]); };
    count_ = 0;
    const std::size_t first_open = open.size();
    for (std::size_t begin = range.begin, end = begin; begin < range.end; begin = end) {
      while (end < range.end && byte_at(end) == byte_at(begin)) ++end;
      bytes_[count_++] = byte_at(begin);
      open.push_back({begin, end, range.depth + 1, kNoNode});
    }
    const std::uint32_t base = find_base();
    is_base_[base] = true;
    slots_[range.node].base = base;
    for (std::size_t i = 0; i < count_; ++i) {
      const Node child = base + bytes_[i];
      slots_[child].info = (kNoToken << 9) | kTaken | bytes_[i];
      next_free_[child] = child + 1;
      open[first_open + i].node = child;
    }
  }

  // Looks only at a few places, so that building stays linear.
  std::uint32_t find_base() {
    constexpr int kTries = 32;
    constexpr std::uint32_t kRecent = 4096;  // farther back most places are taken, or bases
    const auto size = static_cast<std::uint32_t>(slots_.size());
    std::uint32_t place = kFirstUsed + bytes_[0];
    if (size > kRecent) place = std::max(place, size - kRecent);
    for (int i = 0; i < kTries; ++i) {
      place = first_free(place);
      if (place >= size) break;
      const std::uint32_t base = place - bytes_[0];
      if (fits(base)) {
        grow(base + 256);
        return base;
      }
      ++place;
    }
    const std::uint32_t base = size;
    grow(base + 256);
    return base;
  }

  bool fits(std::uint32_t base) const {
    if (is_base_[base]) return false;
    for (std::size_t i = 0; i < count_; ++i) {
      const std::size_t place = base + bytes_[i];
      if (place < slots_.size() && (slots_[place].info & kTaken) != 0) return false;
    }
    return true;
  }

  std::uint32_t first_free(std::uint32_t place) {
    std::uint32_t found = place;
    while (found < slots_.size() && next_free_[found] != found) found = next_free_[found];
    while (place < found) {  // the next search is short
      const std::uint32_t next = next_free_[place];
      next_free_[place] = found;
      place = next;
    }
    return found;
  }

  // Every base + byte is a slot then.
  void grow(std::size_t size) {
    if (size <= slots_.size()) return;
    LM_CHECK(size < kNoNode);
    const std::size_t before = slots_.size();
    slots_.resize(size);
    is_base_.resize(size);
    next_free_.resize(size);
    for (std::size_t i = before; i < size; ++i) next_free_[i] = static_cast<std::uint32_t>(i);
  }

  std::vector<Slot>& slots_;
  std::vector<bool> is_base_ = std::vector<bool>(kFirstUsed);
  std::vector<std::uint32_t> next_free_ = std::vector<std::uint32_t>(kFirstUsed, kFirstUsed);
  std::array<unsigned char, 256> bytes_{};  // that lead to the children of the node at hand
  std::size_t count_ = 0;
};

void PrefixTrie::build(std::vector<Key> keys) {
  for (const Key& key : keys) LM_CHECK(key.second < kNoToken);
  std::erase_if(keys, [](const Key& key) { return key.first.empty(); });
  std::stable_sort(keys.begin(), keys.end(), [](const Key& a, const Key& b) { return a.first < b.first; });
  Builder(slots_).build(keys);
}

}  // namespace lm
