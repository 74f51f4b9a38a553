// What both passes of attention share: which keys queries see, and keys and values packed for products.
#pragma once

#include <algorithm>

#include "kernels/attention.h"
#include "kernels/cpu/products/factors.h"
#include "kernels/cpu/tiers.h"
#include "kernels/cpu/tiling.h"
#include "tensor/layout.h"

namespace lm {

// Longest part of a sum over keys.
inline constexpr std::int64_t kKeyDepth = 512;

/// The keys that some query of a block may see: [first, end) of its sequence.
struct KeyRange {
  std::int64_t first;
  std::int64_t end;
  std::int64_t size() const { return end - first; }
  KeyRange moved(std::int64_t by) const { return {first + by, end + by}; }
};

/// What one sequence's queries may see.
class SequenceVisibility {
 public:
  SequenceVisibility(const Visibility& visibility, std::int64_t sequence, std::int64_t keys)
      : prefix_(visibility.prefix_length.empty() ? 0 : visibility.prefix_length[static_cast<std::size_t>(sequence)]),
        keys_(keys),
        window_(visibility.window == 0 ? keys : visibility.window) {
    if (!visibility.document.empty()) document_ = visibility.document.data() + sequence * keys;
  }
  /// Return the first key that the query at this position may see, and the first after it that it cannot, because of their
  /// places only.
  std::int64_t first(std::int64_t position) const { return std::max<std::int64_t>(0, position - window_ + 1); }
  std::int64_t limit(std::int64_t position) const {
    return std::min({keys_, std::max(position + 1, prefix_), position + window_});
  }
  /// Returns the documents of keys from `first` on, or null if there is one document only.
  const std::int32_t* documents(std::int64_t first) const { return document_ == nullptr ? nullptr : document_ + first; }
  std::int32_t document(std::int64_t position) const { return document_ == nullptr ? 0 : document_[position]; }
  /// Returns the keys of a range, and which of them the query at this position sees.
  VisibleKeys visible_keys(const KeyRange& range, std::int64_t position) const {
    return {.keys = range.size(),
            .first = std::max(range.first, first(position)) - range.first,
            .limit = std::min(range.end, limit(position)) - range.first,
            .documents = documents(range.first),
            .document = document(position)};
  }

  /// Returns the keys that some query of these positions may see.
  KeyRange keys_of(std::int64_t first_position, std::int64_t count) const {
    KeyRange range{first(first_position), limit(first_position + count - 1)};
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
  std::int64_t window_;  // as long as the sequence: unbounded
};

/// Returns the part of `all` that a block's range needs, relative to all.first, from the beginning of a panel on.
inline KeyRange inside(const KeyRange& all, const KeyRange& range, std::int64_t panel) {
  return {(range.first - all.first) / panel * panel, range.end - all.first};
}

template <class T>
ScoreScale<T> score_scale(const AttentionOptions& options) {
  return {.scale = static_cast<T>(options.scale), .cap = static_cast<T>(options.cap)};
}

template <class T>
void check_attention_shapes(const TensorView<const T>& out, const AttentionInputs<T>& inputs, const Visibility& visibility) {
  const TensorView<const T>&q = inputs.q, &k = inputs.k, &v = inputs.v;
  const auto batch = static_cast<std::size_t>(q.dim(0)), keys = static_cast<std::size_t>(k.dim(1));
  LM_CHECK(q.rank() == 4 && k.rank() == 4 && v.rank() == 4 && out.rank() == 4);
  for (int i = 0; i < 4; ++i) LM_CHECK(out.dim(i) == q.dim(i) && k.dim(i) == v.dim(i));
  LM_CHECK(k.dim(0) == q.dim(0) && k.dim(3) == q.dim(3) && k.dim(1) >= q.dim(1) && q.dim(2) % k.dim(2) == 0);
  LM_CHECK(visibility.prefix_length.empty() || visibility.prefix_length.size() == batch);
  LM_CHECK(visibility.document.empty() || visibility.document.size() == batch * keys);
  LM_CHECK(visibility.window >= 0);
}

/// Returns one head of one sequence (time, D), from a position on.
template <class T>
Strided<T> head_rows(const TensorView<T>& x, std::int64_t sequence, std::int64_t position, std::int64_t head) {
  return {&x(sequence, position, head, 0), x.stride(1)};
}

/// Returns a size rounded up to whole panels.
template <class Factors>
std::int64_t whole_panels(const Factors& factors, std::int64_t size) {
  return round_up(size, factors.panel());
}

/// Returns the distance between rows of scores: off the powers of two, which fall on few sets of the cache.
template <class Factors>
std::int64_t score_stride(const Factors& factors, std::int64_t keys) {
  return whole_panels(factors, keys) + 16;
}

/// Returns the bytes that a tile's scratch takes, for at most this many keys.
template <class Scratch, class Factors>
std::int64_t scratch_bytes(const Factors& factors, std::int64_t keys, std::int64_t width) {
  Layout layout;
  Scratch(factors, keys, width, layout);
  return layout.bytes();
}

/// The keys, or values, of one key-value head as the right-hand side of products.
template <class Factors>
class PackedKeys {
  using Number = typename Factors::Number;
  using Rows = typename Factors::Rows;

 public:
  /// Returns the elements that one packing of `size` keys needs.
  static std::int64_t elements(const Factors& factors, std::int64_t size, std::int64_t width) {
    const std::int64_t panel = factors.panel();
    return std::max(whole_panels(factors, size) / panel * factors.panel_size(width),
                    whole_panels(factors, width) / panel * factors.panel_size(size));
  }
  PackedKeys(const Factors& factors, typename Factors::Element* memory, std::int64_t size, std::int64_t width)
      : factors_(factors), data_(memory), size_(size), width_(width) {}
  /// Packs for products with rows of width: (width, keys).
  void pack_across(Strided<const Number> rows) {
    scale_ = factors_.scale_of(rows, size_, width_);
    factors_.pack_panels(data_, {rows.data, rows.stride, true}, width_, size_, scale_);
  }
  /// Packs for products with weights of keys: (keys, width).
  void pack_along(Strided<const Number> rows) {
    scale_ = factors_.scale_of(rows, size_, width_);
    factors_.pack_panels(data_, {rows.data, rows.stride}, size_, width_, scale_);
  }
  /// c (m, keys of range) = a (m, width) * those keys, transposed; the range begins with a panel.
  void multiply_across(Strided<Number> c, Rows a, std::int64_t m, KeyRange range) const {
    const std::int64_t panel_size = factors_.panel_size(width_);
    a.scale /= scale_;
    factors_.multiply_rows(c, a, {data_ + range.first / factors_.panel() * panel_size, panel_size},
                           {m, range.size(), width_}, {});
  }
  /// c (m, width) = a (m, keys of range) * those keys, or += if `add`; long sums are cut into parts.
  void multiply_along(Strided<Number> c, Rows a, std::int64_t m, KeyRange range, bool add) const {
    a.scale /= scale_;
    for (std::int64_t key = range.first; key < range.end; key += kKeyDepth, add = true) {
      factors_.multiply_rows(c, a, {data_ + key * factors_.panel(), factors_.panel_size(size_)},
                             {m, width_, std::min(kKeyDepth, range.end - key)},
                             add ? Addends<Number>{c.data, c.stride} : Addends<Number>{});
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
