#include "kernels/cpu/dispatch.h"

#include "base/error.h"

namespace lm {

namespace portable {
void fill_kernels(SimdKernels<float>& kernels);
void fill_kernels(SimdKernels<double>& kernels);
}  // namespace portable
#if defined(__x86_64__)
namespace avx2 {
void fill_kernels(SimdKernels<float>& kernels);
void fill_kernels(SimdKernels<double>& kernels);
}  // namespace avx2
namespace avx512 {
void fill_kernels(SimdKernels<float>& kernels);
void fill_kernels(SimdKernels<double>& kernels);
}  // namespace avx512
#endif

namespace {

/// Filling a table already runs instructions of its tier: only on CPUs that have them.
template <class T>
SimdKernels<T> filled(void (*fill)(SimdKernels<T>&)) {
  SimdKernels<T> kernels{};
  fill(kernels);
  return kernels;
}

}  // namespace

template <class T>
const SimdKernels<T>& simd_kernels(SimdTier tier) {
#if defined(__x86_64__)
  if (tier == SimdTier::avx512) {
    static const SimdKernels<T> kernels = filled<T>(avx512::fill_kernels);
    return kernels;
  }
  if (tier == SimdTier::avx2) {
    static const SimdKernels<T> kernels = filled<T>(avx2::fill_kernels);
    return kernels;
  }
#endif
  LM_CHECK(tier == SimdTier::portable);
  static const SimdKernels<T> kernels = filled<T>(portable::fill_kernels);
  return kernels;
}
template const SimdKernels<float>& simd_kernels(SimdTier tier);
template const SimdKernels<double>& simd_kernels(SimdTier tier);

}  // namespace lm
