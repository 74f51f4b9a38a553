// Dot products for decoding: each output is one fixed chain whatever else is computed with it.
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
void linear_decode(T* y, std::int64_t y_stride, const T* x, std::int64_t x_stride, std::int64_t rows, const T* weight,
                   std::int64_t weight_stride, const T* bias, std::int64_t outputs, std::int64_t inputs) {
  for (std::int64_t o = 0; o < outputs; ++o) {
    const T* w = weight + o * weight_stride;
    for (std::int64_t r = 0; r < rows; ++r) {
      const T product = dot_of(x + r * x_stride, w, inputs);
      y[r * y_stride + o] = bias != nullptr ? product + bias[o] : product;
    }
  }
}

template <class T>
void weighted_rows(T* y, const T* weights, const T* rows, std::int64_t stride, std::int64_t count, std::int64_t n) {
  each_vector<T>(n, [&](std::int64_t i, std::int64_t lanes) {
    Vec<T> sum = {};
    for (std::int64_t j = 0; j < count; ++j) sum += load(rows + j * stride + i, lanes) * weights[j];
    store(y + i, sum, lanes);
  });
}

}  // namespace

template <class T>
void fill_decode(SimdKernels<T>& kernels) {
  kernels.dot = dot<T>;
  kernels.linear_decode = linear_decode<T>;
  kernels.weighted_rows = weighted_rows<T>;
}
template void fill_decode(SimdKernels<float>&);
template void fill_decode(SimdKernels<double>&);

}  // namespace lm::LM_TIER
