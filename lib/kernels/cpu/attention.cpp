#include "kernels/attention.h"

#include <cstring>

#include "kernels/cpu/dispatch.h"

namespace lm {

namespace {

// Rows of queries whose scores exist at one time. Forward favours little work above the diagonal, backward long sums for the
// keys' gradients.
constexpr std::int64_t kForwardBlock = 28;
constexpr std::int64_t kBackwardBlock = 42;
// Tiles that forward aims at, so that many threads find work; a tile packs its keys and values anew.
constexpr std::int64_t kForwardTiles = 64;
// Longest sum over keys that stays in registers.
constexpr std::int64_t kKeyDepth = 512;
constexpr std::int64_t kPrefetchRows = 12;

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

template <class T>
void check_shapes(const TensorView<const T>& out, const TensorView<const T>& q, const TensorView<const T>& k,
                  const TensorView<const T>& v, const Visibility& visibility) {
  const auto batch = static_cast<std::size_t>(q.dim(0)), keys = static_cast<std::size_t>(k.dim(1));
  LM_CHECK(q.rank() == 4 && k.rank() == 4 && v.rank() == 4 && out.rank() == 4);
  for (int i = 0; i < 4; ++i) LM_CHECK(out.dim(i) == q.dim(i) && k.dim(i) == v.dim(i));
  LM_CHECK(k.dim(0) == q.dim(0) && k.dim(3) == q.dim(3) && k.dim(1) >= q.dim(1) && q.dim(2) % k.dim(2) == 0);
  LM_CHECK(visibility.prefix_length.empty() || visibility.prefix_length.size() == batch);
  LM_CHECK(visibility.document.empty() || visibility.document.size() == batch * keys);
}

/// Rounded up to whole panels.
template <class T>
std::int64_t whole_panels(const SimdKernels<T>& kernels, std::int64_t size) {
  return (size + kernels.panel - 1) / kernels.panel * kernels.panel;
}

/// Distance between rows of scores: off the powers of two, which fall on few sets of the cache.
template <class T>
std::int64_t score_stride(const SimdKernels<T>& kernels, std::int64_t keys) {
  return whole_panels(kernels, keys) + 16;
}

/// c = a (m, depth) * packed, or +=, with long sums cut into parts.
template <class T>
void multiply_deep(const SimdKernels<T>& kernels, T* c, std::int64_t c_stride, const T* a, std::int64_t a_stride,
                   const T* packed, std::int64_t panel_stride, std::int64_t m, std::int64_t n, std::int64_t depth,
                   bool add) {
  for (std::int64_t first = 0; first < depth; first += kKeyDepth, add = true) {
    kernels.multiply_packed(c, c_stride, a + first, a_stride, false, packed + first * kernels.panel, panel_stride, m, n,
                            std::min(kKeyDepth, depth - first), add ? Addends<T>{c, c_stride} : Addends<T>{});
  }
}

/// Keys [first, first + size) of one key-value head as the right-hand side of products.
template <class T>
class PackedKeys {
 public:
  /// Elements that one packing of `size` keys needs.
  static std::int64_t elements(const SimdKernels<T>& kernels, std::int64_t size, std::int64_t width) {
    return std::max(whole_panels(kernels, size) * width, size * whole_panels(kernels, width));
  }
  PackedKeys(const SimdKernels<T>& kernels, T* memory, std::int64_t size, std::int64_t width)
      : kernels_(kernels), data_(memory), size_(size), width_(width) {}
  /// For products with rows of width: (width, keys).
  void pack_across(const T* rows, std::int64_t stride) { kernels_.pack_panels(data_, rows, stride, true, width_, size_); }
  /// For products with weights of keys: (keys, width).
  void pack_along(const T* rows, std::int64_t stride) { kernels_.pack_panels(data_, rows, stride, false, size_, width_); }
  /// c (m, count) = a (m, width) * keys [first, first + count) transposed; first is a multiple of the panel.
  void multiply_across(T* c, std::int64_t c_stride, const T* a, std::int64_t a_stride, std::int64_t m, std::int64_t first,
                       std::int64_t count) const {
    kernels_.multiply_packed(c, c_stride, a, a_stride, false, data_ + first * width_, width_ * kernels_.panel, m, count,
                             width_, {});
  }
  /// c (m, width) = a (m, count) * keys [first, first + count), or +=.
  void multiply_along(T* c, std::int64_t c_stride, const T* a, std::int64_t a_stride, std::int64_t m, std::int64_t first,
                      std::int64_t count, bool add) const {
    multiply_deep(kernels_, c, c_stride, a, a_stride, data_ + first * kernels_.panel, size_ * kernels_.panel, m, width_,
                  count, add);
  }

 private:
  const SimdKernels<T>& kernels_;
  T* data_;
  std::int64_t size_, width_;
};

/// Elements of scratch of one tile of the forward pass.
template <class T>
std::int64_t forward_scratch(const SimdKernels<T>& kernels, std::int64_t keys, std::int64_t width) {
  return 2 * PackedKeys<T>::elements(kernels, keys, width) + kForwardBlock * (score_stride(kernels, keys) + 1);
}

/// The part of `all` that a block's range needs, relative to all.first, from a whole panel on.
KeyRange inside(const KeyRange& all, const KeyRange& range, std::int64_t panel) {
  return {(range.first - all.first) / panel * panel, range.end - all.first};
}

}  // namespace

template <class T>
void attention_forward(Compute& compute, TensorView<T> out, TensorView<T> log_sum_exp, TensorView<const T> q,
                       TensorView<const T> k, TensorView<const T> v, const Visibility& visibility, double scale) {
  check_shapes<T>(out, q, k, v, visibility);
  const std::int64_t batch = q.dim(0), queries = q.dim(1), heads = q.dim(2), width = q.dim(3), keys = k.dim(1),
                     kv_heads = k.dim(2);
  const std::int64_t group = heads / kv_heads;
  LM_CHECK(log_sum_exp.empty() || log_sum_exp.size() == batch * heads * queries);
  const SimdKernels<T>& kernels = simd_kernels<T>(compute.simd());
  const std::int64_t blocks = std::max<std::int64_t>(1, Tiling{queries, kForwardBlock}.tiles());
  const std::int64_t parts =
      std::clamp<std::int64_t>(kForwardTiles / std::max<std::int64_t>(1, batch * kv_heads), 1, blocks);
  const Tiling chunks{queries, (blocks + parts - 1) / parts * kForwardBlock};

  const std::int64_t per_head = std::max<std::int64_t>(1, chunks.tiles());
  compute.pool().run(batch * kv_heads * chunks.tiles(), [&](std::int64_t tile, int worker) {
    const std::int64_t b = tile / per_head / kv_heads, kv = tile / per_head % kv_heads;
    const std::int64_t chunk = chunks.first(tile % per_head), chunk_size = chunks.count(tile % per_head);
    const std::int64_t cached = keys - queries;
    const SequenceVisibility visible(visibility, b, keys);
    const KeyRange all = visible.keys_of(cached + chunk, chunk_size);
    const std::int64_t stride = score_stride(kernels, all.size());
    const std::int64_t packed_size = PackedKeys<T>::elements(kernels, all.size(), width);
    T* memory = compute.scratch<T>(worker, forward_scratch(kernels, all.size(), width));
    PackedKeys<T> packed_keys(kernels, memory, all.size(), width),
        packed_values(kernels, memory + packed_size, all.size(), width);
    T* scores = memory + 2 * packed_size;
    T* inverse_sums = scores + kForwardBlock * stride;
    packed_keys.pack_across(&k(b, all.first, kv, 0), k.stride(1));
    packed_values.pack_along(&v(b, all.first, kv, 0), v.stride(1));

    for (std::int64_t t = chunk; t < chunk + chunk_size; t += kForwardBlock) {
      const std::int64_t count = std::min(kForwardBlock, chunk + chunk_size - t), position = cached + t;
      const KeyRange range = inside(all, visible.keys_of(position, count), kernels.panel);
      for (std::int64_t h = kv * group; h < (kv + 1) * group; ++h) {
        packed_keys.multiply_across(scores, stride, &q(b, t, h, 0), q.stride(1), count, range.first, range.size());
        for (std::int64_t i = 0; i < count; ++i) {
          const std::int64_t limit = std::min(range.end, visible.limit(position + i) - all.first) - range.first;
          const T sum =
              kernels.attention_weights(scores + i * stride, range.size(), limit, visible.documents(all.first + range.first),
                                        visible.document(position + i), static_cast<T>(scale), inverse_sums + i);
          if (!log_sum_exp.empty()) log_sum_exp.data()[(b * heads + h) * queries + t + i] = sum;
        }
        packed_values.multiply_along(&out(b, t, h, 0), out.stride(1), scores, stride, count, range.first, range.size(),
                                     false);
        for (std::int64_t i = 0; i < count; ++i) kernels.scale(&out(b, t + i, h, 0), inverse_sums[i], width);
      }
    }
  });
}

namespace {

/// Everything that the backward pass of one (sequence, key-value head) shares.
template <class T>
struct Gradients {
  TensorView<T> dq, dk, dv;
  TensorView<const T> dout, out, log_sum_exp, q, k, v;
  double scale;
  bool add;
};

/// Memory of one tile of the backward pass, cut from one piece of scratch.
template <class T>
struct BackwardScratch {
  static std::int64_t elements(const SimdKernels<T>& kernels, std::int64_t keys, std::int64_t width) {
    return 3 * PackedKeys<T>::elements(kernels, keys, width) + 2 * kBackwardBlock * score_stride(kernels, keys) +
           2 * keys * whole_panels(kernels, width) + 2 * kBackwardBlock * whole_panels(kernels, width);
  }
  BackwardScratch(const SimdKernels<T>& kernels, T* memory, std::int64_t keys, std::int64_t width)
      : stride(score_stride(kernels, keys)), gradient_stride(whole_panels(kernels, width)) {
    const auto take = [&](std::int64_t size) {
      T* piece = memory;
      memory += size;
      return piece;
    };
    const std::int64_t packed = PackedKeys<T>::elements(kernels, keys, width);
    keys_across = take(packed);
    values_across = take(packed);
    keys_along = take(packed);
    scores = take(kBackwardBlock * stride);
    dweights = take(kBackwardBlock * stride);
    dk = take(keys * gradient_stride);
    dv = take(keys * gradient_stride);
    packed_q = take(kBackwardBlock * gradient_stride);
    packed_dout = take(kBackwardBlock * gradient_stride);
  }
  T *keys_across, *values_across, *keys_along, *scores, *dweights, *dk, *dv, *packed_q, *packed_dout;
  std::int64_t stride, gradient_stride;
};

/// One key-value head of one sequence: a single tile, so that the gradients of its keys are one chain.
template <class T>
void backward_head(const SimdKernels<T>& kernels, const BackwardScratch<T>& scratch, const Gradients<T>& g,
                   const SequenceVisibility& visible, std::int64_t b, std::int64_t kv) {
  const std::int64_t heads = g.q.dim(2), width = g.q.dim(3), keys = g.k.dim(1), group = heads / g.k.dim(2);
  PackedKeys<T> keys_across(kernels, scratch.keys_across, keys, width),
      values_across(kernels, scratch.values_across, keys, width);
  PackedKeys<T> keys_along(kernels, scratch.keys_along, keys, width);
  keys_across.pack_across(&g.k(b, 0, kv, 0), g.k.stride(1));
  values_across.pack_across(&g.v(b, 0, kv, 0), g.v.stride(1));
  keys_along.pack_along(&g.k(b, 0, kv, 0), g.k.stride(1));
  std::fill_n(scratch.dk, keys * scratch.gradient_stride, T{0});
  std::fill_n(scratch.dv, keys * scratch.gradient_stride, T{0});
  T *scores = scratch.scores, *dweights = scratch.dweights;
  const std::int64_t stride = scratch.stride;

  for (std::int64_t t = 0; t < keys; t += kBackwardBlock) {
    const std::int64_t count = std::min(kBackwardBlock, keys - t);
    const KeyRange range = inside({0, keys}, visible.keys_of(t, count), kernels.panel);
    for (std::int64_t h = kv * group; h < (kv + 1) * group; ++h) {
      const T *query = &g.q(b, t, h, 0), *dresult = &g.dout(b, t, h, 0);
      keys_across.multiply_across(scores, stride, query, g.q.stride(1), count, range.first, range.size());
      values_across.multiply_across(dweights, stride, dresult, g.dout.stride(1), count, range.first, range.size());
      for (std::int64_t i = 0; i < count; ++i) {
        const std::int64_t limit = std::min(range.end, visible.limit(t + i)) - range.first;
        const T delta = kernels.dot(&g.out(b, t + i, h, 0), &g.dout(b, t + i, h, 0), width);
        kernels.attention_gradients(scores + i * stride, dweights + i * stride, range.size(), limit,
                                    visible.documents(range.first), visible.document(t + i), static_cast<T>(g.scale),
                                    g.log_sum_exp.data()[(b * heads + h) * keys + t + i], delta);
      }
      keys_along.multiply_along(&g.dq(b, t, h, 0), g.dq.stride(1), dweights, stride, count, range.first, range.size(),
                                g.add);
      kernels.pack_panels(scratch.packed_dout, dresult, g.dout.stride(1), false, count, width);
      kernels.pack_panels(scratch.packed_q, query, g.q.stride(1), false, count, width);
      const std::int64_t at = range.first * scratch.gradient_stride, panel_stride = count * kernels.panel;
      T *const dv = scratch.dv + at, *const dk = scratch.dk + at;
      kernels.multiply_packed(dv, scratch.gradient_stride, scores, stride, true, scratch.packed_dout, panel_stride,
                              range.size(), width, count, {dv, scratch.gradient_stride});
      kernels.multiply_packed(dk, scratch.gradient_stride, dweights, stride, true, scratch.packed_q, panel_stride,
                              range.size(), width, count, {dk, scratch.gradient_stride});
    }
  }
  for (std::int64_t j = 0; j < keys; ++j) {
    // The rows lie apart in a large matrix: ask for them in time.
    if (j + kPrefetchRows < keys) {
      __builtin_prefetch(&g.dk(b, j + kPrefetchRows, kv, 0), 1);
      __builtin_prefetch(&g.dv(b, j + kPrefetchRows, kv, 0), 1);
    }
    const T *dk = scratch.dk + j * scratch.gradient_stride, *dv = scratch.dv + j * scratch.gradient_stride;
    if (g.add) {
      kernels.add(&g.dk(b, j, kv, 0), dk, width);
      kernels.add(&g.dv(b, j, kv, 0), dv, width);
    } else {
      std::copy_n(dk, width, &g.dk(b, j, kv, 0));
      std::copy_n(dv, width, &g.dv(b, j, kv, 0));
    }
  }
}

}  // namespace

template <class T>
void attention_backward(Compute& compute, TensorView<T> dq, TensorView<T> dk, TensorView<T> dv, TensorView<const T> dout,
                        TensorView<const T> out, TensorView<const T> log_sum_exp, TensorView<const T> q,
                        TensorView<const T> k, TensorView<const T> v, const Visibility& visibility, double scale,
                        Write write) {
  check_shapes<T>(out, q, k, v, visibility);
  const std::int64_t keys = k.dim(1), kv_heads = k.dim(2), width = q.dim(3);
  LM_CHECK(keys == q.dim(1) && log_sum_exp.size() == q.dim(0) * q.dim(2) * keys);
  const SimdKernels<T>& kernels = simd_kernels<T>(compute.simd());
  const Gradients<T> gradients{dq, dk, dv, dout, out, log_sum_exp, q, k, v, scale, write == Write::add};
  compute.pool().run(q.dim(0) * kv_heads, [&](std::int64_t tile, int worker) {
    T* memory = compute.scratch<T>(worker, BackwardScratch<T>::elements(kernels, keys, width));
    const BackwardScratch<T> scratch(kernels, memory, keys, width);
    const std::int64_t b = tile / kv_heads;
    backward_head(kernels, scratch, gradients, SequenceVisibility(visibility, b, keys), b, tile % kv_heads);
  });
}

template <class T>
ScratchSize attention_scratch(SimdTier tier, std::int64_t length, std::int64_t head_dim) {
  const SimdKernels<T>& kernels = simd_kernels<T>(tier);
  const std::int64_t elements =
      std::max(forward_scratch(kernels, length, head_dim), BackwardScratch<T>::elements(kernels, length, head_dim));
  return {.worker = static_cast<std::int64_t>(sizeof(T)) * elements};
}

template <class T>
void attention_decode(Compute& compute, TensorView<T> out, TensorView<const T> q, TensorView<const T> k,
                      TensorView<const T> v, double scale) {
  const std::int64_t heads = q.dim(0), width = q.dim(1), keys = k.dim(0);
  LM_CHECK(out.dim(0) == heads && out.dim(1) == width && v.dim(0) == keys && heads % k.dim(1) == 0);
  const std::int64_t group = heads / k.dim(1);
  const SimdKernels<T>& kernels = simd_kernels<T>(compute.simd());
  compute.pool().run(heads, [&](std::int64_t h, int worker) {
    T* weights = compute.scratch<T>(worker, keys);
    kernels.linear_decode(weights, keys, q.row(h), width, 1, &k(0, h / group, 0), k.stride(0), nullptr, keys, width);
    T inverse_sum = 0;
    kernels.attention_weights(weights, keys, keys, nullptr, 0, static_cast<T>(scale), &inverse_sum);
    kernels.weighted_rows(out.row(h), weights, &v(0, h / group, 0), v.stride(0), keys, width);
    kernels.scale(out.row(h), inverse_sum, width);
  });
}

template void attention_forward(Compute&, TensorView<float>, TensorView<float>, TensorView<const float>,
                                TensorView<const float>, TensorView<const float>, const Visibility&, double);
template void attention_forward(Compute&, TensorView<double>, TensorView<double>, TensorView<const double>,
                                TensorView<const double>, TensorView<const double>, const Visibility&, double);
template void attention_backward(Compute&, TensorView<float>, TensorView<float>, TensorView<float>, TensorView<const float>,
                                 TensorView<const float>, TensorView<const float>, TensorView<const float>,
                                 TensorView<const float>, TensorView<const float>, const Visibility&, double, Write);
template void attention_backward(Compute&, TensorView<double>, TensorView<double>, TensorView<double>,
                                 TensorView<const double>, TensorView<const double>, TensorView<const double>,
                                 TensorView<const double>, TensorView<const double>, TensorView<const double>,
                                 const Visibility&, double, Write);
template ScratchSize attention_scratch<float>(SimdTier, std::int64_t, std::int64_t);
template ScratchSize attention_scratch<double>(SimdTier, std::int64_t, std::int64_t);
template void attention_decode(Compute&, TensorView<float>, TensorView<const float>, TensorView<const float>,
                               TensorView<const float>, double);
template void attention_decode(Compute&, TensorView<double>, TensorView<const double>, TensorView<const double>,
                               TensorView<const double>, double);

}  // namespace lm
