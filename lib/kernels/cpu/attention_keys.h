// What both passes of attention share: which keys queries see, and keys and values packed for products.
#pragma once

#include <algorithm>

#include "kernels/attention.h"
#include "kernels/cpu/dispatch.h"
#include "kernels/cpu/products/factors.h"
#include "tensor/arena.h"

namespace lm {

// Longest sum over keys that stays in registers.
inline constexpr std::int64_t kKeyDepth = 512;

/// The keys that some query of a block may see: [first, end) of its sequence.
struct KeyRange {
  std::int64_t first;
  std::int64_t end;
  std::int64_t size() const { return end - first; }
};

/// What one sequence's queries may see.
class SequenceVisibility {
 public:
  SequenceVisibility(const Visibility& visibility, std::int64_t sequence, std::int64_t keys)
      : prefix_(visibility.prefix_length.empty() ? 0 : visibility.prefix_length[static_cast<std::size_t>(sequence)]),
        keys_(keys) {
    if (!visibility.document.empty()) document_ = visibility.document.data() + sequence * keys;
  }
  /// First key that the query at this position cannot see for its place alone.
  std::int64_t limit(std::int64_t position) const { return std::min(keys_, std::max(position + 1, prefix_)); }
  /// The documents of keys from `first` on, or null where there is one document only.
  const std::int32_t* documents(std::int64_t first) const { return document_ == nullptr ? nullptr : document_ + first; }
  std::int32_t document(std::int64_t position) const { return document_ == nullptr ? 0 : document_[position]; }

  KeyRange keys_of(std::int64_t first_position, std::int64_t count) const {
    KeyRange range{0, limit(first_position + count - 1)};
    if (document_ == nullptr) return range;
    const auto extremes = std::minmax_element(document_ + first_position, document_ + first_position + count);
    const std::int32_t lowest = *extremes.first, highest = *extremes.second;
    const auto hidden = [&](std::int64_t key) { return document_[key] < lowest || document_[key] > highest; };
    while (range.first < range.end && hidden(range.first)) ++range.first;
    while (range.end > range.first && hidden(range.end - 1)) --range.end;
    return range;
  }

 private:
  const std::int32_t* document_ = nullptr;
  std::int64_t prefix_;
  std::int64_t keys_;
};

/// The part of `all` that a block's range needs, relative to all.first, from a whole panel on.
inline KeyRange inside(const KeyRange& all, const KeyRange& range, std::int64_t panel) {
  return {(range.first - all.first) / panel * panel, range.end - all.first};
}

template <class T>
void check_attention_shapes(const TensorView<const T>& out, const TensorView<const T>& q, const TensorView<const T>& k,
                            const TensorView<const T>& v, const Visibility& visibility) {
  const auto batch = static_cast<std::size_t>(q.dim(0)), keys = static_cast<std::size_t>(k.dim(1));
  LM_CHECK(q.rank() == 4 && k.rank() == 4 && v.rank() == 4 && out.rank() == 4);
  for (int i = 0; i < 4; ++i) LM_CHECK(out.dim(i) == q.dim(i) && k.dim(i) == v.dim(i));
  LM_CHECK(k.dim(0) == q.dim(0) && k.dim(3) == q.dim(3) && k.dim(1) >= q.dim(1) && q.dim(2) % k.dim(2) == 0);
  LM_CHECK(visibility.prefix_length.empty() || visibility.prefix_length.size() == batch);
  LM_CHECK(visibility.document.empty() || visibility.document.size() == batch * keys);
}

/// Rounded up to whole panels.
template <class Factors>
std::int64_t whole_panels(const Factors& factors, std::int64_t size) {
  return round_up(size, factors.panel());
}

/// Distance between rows of scores: off the powers of two, which fall on few sets of the cache.
template <class Factors>
std::int64_t score_stride(const Factors& factors, std::int64_t keys) {
  return whole_panels(factors, keys) + 16;
}

/// Cuts one piece of memory into arrays that begin on lines of the cache; where there is none it only counts.
class Cut {
 public:
  explicit Cut(char* memory = nullptr) : memory_(memory) {}
  template <class E>
  E* take(std::int64_t count) {
    E* piece = memory_ == nullptr ? nullptr : reinterpret_cast<E*>(memory_ + bytes_);
    bytes_ += aligned_size<E>(count) * static_cast<std::int64_t>(sizeof(E));
    return piece;
  }
  std::int64_t bytes() const { return bytes_; }

 private:
  char* memory_;
  std::int64_t bytes_ = 0;
};

/// Bytes that a tile's scratch cuts, for so many keys at the most.
template <class Scratch, class Factors>
std::int64_t scratch_bytes(const Factors& factors, std::int64_t keys, std::int64_t width) {
  Cut cut;
  Scratch(factors, keys, width, cut);
  return cut.bytes();
}

/// The keys, or values, of one key-value head as the right-hand side of products.
template <class Factors>
class PackedKeys {
  using Number = typename Factors::Number;
  using Rows = typename Factors::Rows;

 public:
  /// Elements that one packing of `size` keys needs.
  static std::int64_t elements(const Factors& factors, std::int64_t size, std::int64_t width) {
    const std::int64_t panel = factors.panel();
    return std::max(whole_panels(factors, size) / panel * factors.panel_size(width),
                    whole_panels(factors, width) / panel * factors.panel_size(size));
  }
  PackedKeys(const Factors& factors, typename Factors::Element* memory, std::int64_t size, std::int64_t width)
      : factors_(factors), data_(memory), size_(size), width_(width) {}
  /// For products with rows of width: (width, keys).
  void pack_across(const Number* rows, std::int64_t stride) {
    scale_ = factors_.scale_of(rows, stride, size_, width_);
    factors_.pack_panels(data_, rows, stride, true, width_, size_, scale_);
  }
  /// For products with weights of keys: (keys, width).
  void pack_along(const Number* rows, std::int64_t stride) {
    scale_ = factors_.scale_of(rows, stride, size_, width_);
    factors_.pack_panels(data_, rows, stride, false, size_, width_, scale_);
  }
  /// c (m, count) = a (m, width) * keys [first, first + count) transposed; first is a multiple of the panel.
  void multiply_across(Number* c, std::int64_t c_stride, Rows a, std::int64_t m, std::int64_t first,
                       std::int64_t count) const {
    const std::int64_t panel_size = factors_.panel_size(width_);
    a.scale /= scale_;
    factors_.multiply_rows(c, c_stride, a, data_ + first / factors_.panel() * panel_size, panel_size, m, count, width_, {});
  }
  /// c (m, width) = a (m, count) * keys [first, first + count), or +=; long sums are cut into parts.
  void multiply_along(Number* c, std::int64_t c_stride, Rows a, std::int64_t m, std::int64_t first, std::int64_t count,
                      bool add) const {
    a.scale /= scale_;
    for (std::int64_t part = 0; part < count; part += kKeyDepth, add = true) {
      factors_.multiply_rows(c, c_stride, a, data_ + (first + part) * factors_.panel(), factors_.panel_size(size_), m,
                             width_, std::min(kKeyDepth, count - part),
                             add ? Addends<Number>{c, c_stride} : Addends<Number>{});
      a.data += kKeyDepth / factors_.unit_depth();
    }
  }

 private:
  const Factors& factors_;
  typename Factors::Element* data_;
  std::int64_t size_, width_;
  Number scale_ = 1;
};

}  // namespace lm
