#include "kernels/cpu/simd/table.h"

#include "kernels/cpu/simd/groups.h"

namespace lm::LM_TIER {

template <class T>
SimdKernels<T> kernels_of_tier();

template <class T>
SimdKernels<T> kernels_of_tier() {
  return {.elementwise = elementwise_kernels<T>(),
          .norm = norm_kernels<T>(),
          .activation = activation_kernels<T>(),
          .softmax = softmax_kernels<T>(),
          .optimizer = optimizer_kernels<T>(),
          .muon = muon_kernels<T>(),
          .gemm = gemm_kernels<T>(),
          .decode = decode_kernels<T>(),
          .packed = packed_kernels(),
          .cache = cache_kernels()};
}
template SimdKernels<float> kernels_of_tier();
template SimdKernels<double> kernels_of_tier();

}  // namespace lm::LM_TIER
