#include "kernels/attention.h"

#include <cstring>

#include "kernels/cpu/dispatch.h"
#include "kernels/cpu/gemm.h"

namespace lm {

namespace {

constexpr std::int64_t kQueryBlock = 64;

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
      : prefix_(visibility.prefix_length.empty() ? 0 : visibility.prefix_length[static_cast<std::size_t>(sequence)]), keys_(keys) {
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
    const auto [lowest, highest] = std::minmax_element(document_ + first_position, document_ + first_position + count);
    const auto hidden = [&](std::int64_t key) { return document_[key] < *lowest || document_[key] > *highest; };
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
void check_shapes(const TensorView<const T>& out, const TensorView<const T>& q, const TensorView<const T>& k, const TensorView<const T>& v,
                  const Visibility& visibility) {
  const auto batch = static_cast<std::size_t>(q.dim(0)), keys = static_cast<std::size_t>(k.dim(1));
  LM_CHECK(q.rank() == 4 && k.rank() == 4 && v.rank() == 4 && out.rank() == 4);
  for (int i = 0; i < 4; ++i) LM_CHECK(out.dim(i) == q.dim(i) && k.dim(i) == v.dim(i));
  LM_CHECK(k.dim(0) == q.dim(0) && k.dim(3) == q.dim(3) && k.dim(1) >= q.dim(1) && q.dim(2) % k.dim(2) == 0);
  LM_CHECK(visibility.prefix_length.empty() || visibility.prefix_length.size() == batch);
  LM_CHECK(visibility.document.empty() || visibility.document.size() == batch * keys);
}

}  // namespace

template <class T>
void attention_forward(Compute& compute, TensorView<T> out, TensorView<T> log_sum_exp, TensorView<const T> q, TensorView<const T> k,
                       TensorView<const T> v, const Visibility& visibility, double scale) {
  check_shapes<T>(out, q, k, v, visibility);
  const std::int64_t batch = q.dim(0), queries = q.dim(1), heads = q.dim(2), width = q.dim(3), keys = k.dim(1);
  const std::int64_t group = heads / k.dim(2);
  LM_CHECK(log_sum_exp.empty() || log_sum_exp.size() == batch * heads * queries);
  const SimdKernels<T>& kernels = simd_kernels<T>(compute.simd());
  const Tiling blocks{queries, kQueryBlock};
  compute.pool().run(batch * heads * blocks.tiles(), [&](std::int64_t tile, int worker) {
    const std::int64_t b = tile / blocks.tiles() / heads, h = tile / blocks.tiles() % heads;
    const std::int64_t t = blocks.first(tile % blocks.tiles()), count = blocks.count(tile % blocks.tiles());
    const SequenceVisibility visible(visibility, b, keys);
    const std::int64_t position = keys - queries + t;
    const KeyRange range = visible.keys_of(position, count);
    T* scores = compute.scratch<T>(worker, count * range.size() + count);
    T* inverse_sums = scores + count * range.size();
    gemm(scores, range.size(), Operand<T>{&q(b, t, h, 0), q.stride(1)},
         Operand<T>{&k(b, range.first, h / group, 0), k.stride(1), true}, count, range.size(), width, T{0});
    for (std::int64_t i = 0; i < count; ++i) {
      const std::int64_t limit = std::min(range.end, visible.limit(position + i)) - range.first;
      const T sum = kernels.attention_weights(scores + i * range.size(), range.size(), limit, visible.documents(range.first),
                                              visible.document(position + i), static_cast<T>(scale), inverse_sums + i);
      if (!log_sum_exp.empty()) log_sum_exp.data()[(b * heads + h) * queries + t + i] = sum;
    }
    gemm(&out(b, t, h, 0), out.stride(1), Operand<T>{scores, range.size()}, Operand<T>{&v(b, range.first, h / group, 0), v.stride(1)},
         count, width, range.size(), T{0});
    for (std::int64_t i = 0; i < count; ++i) kernels.scale(&out(b, t + i, h, 0), inverse_sums[i], width);
  });
}

template <class T>
void attention_backward(Compute& compute, TensorView<T> dq, TensorView<T> dk, TensorView<T> dv, TensorView<const T> dout,
                        TensorView<const T> out, TensorView<const T> log_sum_exp, TensorView<const T> q, TensorView<const T> k,
                        TensorView<const T> v, const Visibility& visibility, double scale) {
  check_shapes<T>(out, q, k, v, visibility);
  const std::int64_t batch = q.dim(0), queries = q.dim(1), heads = q.dim(2), width = q.dim(3), keys = k.dim(1), kv_heads = k.dim(2);
  const std::int64_t group = heads / kv_heads;
  LM_CHECK(keys == queries && log_sum_exp.size() == batch * heads * queries);
  const SimdKernels<T>& kernels = simd_kernels<T>(compute.simd());
  const Tiling blocks{queries, kQueryBlock};
  // One tile owns one key-value head, so that its gradients are one chain.
  compute.pool().run(batch * kv_heads, [&](std::int64_t tile, int worker) {
    const std::int64_t b = tile / kv_heads, kv = tile % kv_heads;
    const SequenceVisibility visible(visibility, b, keys);
    for (std::int64_t h = kv * group; h < (kv + 1) * group; ++h) {
      for (std::int64_t block = 0; block < blocks.tiles(); ++block) {
        const std::int64_t t = blocks.first(block), count = blocks.count(block);
        const KeyRange range = visible.keys_of(t, count);
        T* scores = compute.scratch<T>(worker, 2 * count * range.size());
        T* dweights = scores + count * range.size();
        const Operand<T> query{&q(b, t, h, 0), q.stride(1)}, dresult{&dout(b, t, h, 0), dout.stride(1)};
        gemm(scores, range.size(), query, Operand<T>{&k(b, range.first, kv, 0), k.stride(1), true}, count, range.size(), width, T{0});
        gemm(dweights, range.size(), dresult, Operand<T>{&v(b, range.first, kv, 0), v.stride(1), true}, count, range.size(), width,
             T{0});
        for (std::int64_t i = 0; i < count; ++i) {
          const std::int64_t limit = std::min(range.end, visible.limit(t + i)) - range.first;
          const T delta = kernels.dot(&out(b, t + i, h, 0), &dout(b, t + i, h, 0), width);
          kernels.attention_gradients(scores + i * range.size(), dweights + i * range.size(), range.size(), limit,
                                      visible.documents(range.first), visible.document(t + i), static_cast<T>(scale),
                                      log_sum_exp.data()[(b * heads + h) * queries + t + i], delta);
        }
        gemm(&dv(b, range.first, kv, 0), dv.stride(1), Operand<T>{scores, range.size(), true}, dresult, range.size(), width, count,
             T{1});
        gemm(&dk(b, range.first, kv, 0), dk.stride(1), Operand<T>{dweights, range.size(), true}, query, range.size(), width, count,
             T{1});
        gemm(&dq(b, t, h, 0), dq.stride(1), Operand<T>{dweights, range.size()}, Operand<T>{&k(b, range.first, kv, 0), k.stride(1)},
             count, width, range.size(), T{1});
      }
    }
  });
}

template <class T>
void attention_decode(Compute& compute, TensorView<T> out, TensorView<const T> q, TensorView<const T> k, TensorView<const T> v,
                      double scale) {
  const std::int64_t heads = q.dim(0), width = q.dim(1), keys = k.dim(0);
  LM_CHECK(out.dim(0) == heads && out.dim(1) == width && v.dim(0) == keys && heads % k.dim(1) == 0);
  const std::int64_t group = heads / k.dim(1);
  const SimdKernels<T>& kernels = simd_kernels<T>(compute.simd());
  compute.pool().run(heads, [&](std::int64_t h, int worker) {
    T* weights = compute.scratch<T>(worker, keys);
    for (std::int64_t j = 0; j < keys; ++j) weights[j] = kernels.dot(q.row(h), &k(j, h / group, 0), width);
    T inverse_sum = 0;
    kernels.attention_weights(weights, keys, keys, nullptr, 0, static_cast<T>(scale), &inverse_sum);
    std::fill_n(out.row(h), width, T{0});
    for (std::int64_t j = 0; j < keys; ++j) kernels.accumulate(out.row(h), &v(j, h / group, 0), weights[j], width);
    kernels.scale(out.row(h), inverse_sum, width);
  });
}

template void attention_forward(Compute&, TensorView<float>, TensorView<float>, TensorView<const float>, TensorView<const float>,
                                TensorView<const float>, const Visibility&, double);
template void attention_forward(Compute&, TensorView<double>, TensorView<double>, TensorView<const double>, TensorView<const double>,
                                TensorView<const double>, const Visibility&, double);
template void attention_backward(Compute&, TensorView<float>, TensorView<float>, TensorView<float>, TensorView<const float>,
                                 TensorView<const float>, TensorView<const float>, TensorView<const float>, TensorView<const float>,
                                 TensorView<const float>, const Visibility&, double);
template void attention_backward(Compute&, TensorView<double>, TensorView<double>, TensorView<double>, TensorView<const double>,
                                 TensorView<const double>, TensorView<const double>, TensorView<const double>,
                                 TensorView<const double>, TensorView<const double>, const Visibility&, double);
template void attention_decode(Compute&, TensorView<float>, TensorView<const float>, TensorView<const float>, TensorView<const float>,
                               double);
template void attention_decode(Compute&, TensorView<double>, TensorView<const double>, TensorView<const double>,
                               TensorView<const double>, double);

}  // namespace lm
