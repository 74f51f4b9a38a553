#include "kernels/cpu/simd/vector.h"

namespace lm::LM_TIER {

template <class T>
static void fill_all(SimdKernels<T>& kernels) {
  fill_elementwise(kernels);
  fill_norm(kernels);
  fill_activation(kernels);
  fill_softmax(kernels);
  fill_decode(kernels);
  fill_gemm(kernels);
  fill_optimizer(kernels);
  fill_muon(kernels);
}

void fill_kernels(SimdKernels<float>& kernels);
void fill_kernels(SimdKernels<double>& kernels);
void fill_kernels(SimdKernels<float>& kernels) { fill_all(kernels); }
void fill_kernels(SimdKernels<double>& kernels) { fill_all(kernels); }

}  // namespace lm::LM_TIER
