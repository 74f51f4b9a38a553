#include "kernels/cpu/dispatch.h"

#include <array>

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

template <class T>
std::array<SimdKernels<T>, 3> all_tiers() {
  std::array<SimdKernels<T>, 3> tiers{};
  portable::fill_kernels(tiers[0]);
#if defined(__x86_64__)
  avx2::fill_kernels(tiers[1]);
  avx512::fill_kernels(tiers[2]);
#endif
  return tiers;
}

}  // namespace

template <class T>
const SimdKernels<T>& simd_kernels(SimdTier tier) {
  static const std::array<SimdKernels<T>, 3> tiers = all_tiers<T>();
  return tiers[static_cast<std::size_t>(tier)];
}
template const SimdKernels<float>& simd_kernels(SimdTier tier);
template const SimdKernels<double>& simd_kernels(SimdTier tier);

}  // namespace lm
