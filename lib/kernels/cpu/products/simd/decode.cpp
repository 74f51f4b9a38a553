#include "kernels/cpu/products/simd/decode.h"

#include "kernels/cpu/simd/groups.h"
#include "kernels/cpu/simd/vector.h"

namespace lm::LM_TIER {
namespace {

template <class T>
LM_INLINE T dot_of(const T* x, const T* w, std::int64_t n) {
  Vec<T> sums[4] = {};
  std::int64_t i = 0;
  for (; i + 4 * kLanes<T> <= n; i += 4 * kLanes<T>) {
    for (int k = 0; k < 4; ++k) sums[k] += load(x + i + k * kLanes<T>) * load(w + i + k * kLanes<T>);
  }
  for (; i + kLanes<T> <= n; i += kLanes<T>) sums[0] += load(x + i) * load(w + i);
  if (i < n) sums[1] += load(x + i, n - i) * load(w + i, n - i);
  return sum_lanes<T>((sums[0] + sums[1]) + (sums[2] + sums[3]));
}

template <class T>
T dot(const T* x, const T* w, std::int64_t n) {
  return dot_of(x, w, n);
}

template <class T>
void linear_decode(Strided<T> y, Strided<const T> x, Strided<const T> weight, const T* bias, ProductShape shape) {
  for (std::int64_t o = 0; o < shape.n; ++o) {
    const T* w = weight.data + o * weight.stride;
    for (std::int64_t r = 0; r < shape.m; ++r) {
      const T product = dot_of(x.data + r * x.stride, w, shape.depth);
      y.data[r * y.stride + o] = bias != nullptr ? product + bias[o] : product;
    }
  }
}

template <class T>
void weighted_rows(T* y, const T* weights, Strided<const T> rows, std::int64_t count, std::int64_t n) {
  each_vector<T>(n, [&](std::int64_t i, std::int64_t lanes) {
    Vec<T> sum = {};
    for (std::int64_t j = 0; j < count; ++j) sum += load(rows.data + j * rows.stride + i, lanes) * weights[j];
    store(y + i, sum, lanes);
  });
}

}  // namespace

template <class T>
DecodeKernels<T> decode_kernels() {
  return {.dot = dot<T>, .linear_decode = linear_decode<T>, .weighted_rows = weighted_rows<T>};
}
template DecodeKernels<float> decode_kernels();
template DecodeKernels<double> decode_kernels();

}  // namespace lm::LM_TIER
