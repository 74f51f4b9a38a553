#include "kernels/cpu/tiers.h"

#include <algorithm>
#include <array>

#include "base/error.h"

namespace lm {

namespace portable {
template <class T>
SimdKernels<T> kernels_of_tier();
}  // namespace portable
#if defined(__x86_64__)
namespace avx2 {
template <class T>
SimdKernels<T> kernels_of_tier();
}  // namespace avx2
namespace avx512 {
template <class T>
SimdKernels<T> kernels_of_tier();
}  // namespace avx512
#endif

namespace {

/// All that this backend knows of a tier.
struct Tier {
  SimdTier tier;
  const char* blas_core;
  SimdKernels<float> (*float_kernels)();
  SimdKernels<double> (*double_kernels)();
};

/// From the narrowest to the widest, at the index of the tier. A tier's functions run its instructions: call them only if
/// it is one of simd_tiers().
constexpr std::array kTiers = {
#if defined(__x86_64__)
    // OpenBLAS's own choice of core is wrong in old releases on new CPUs.
    Tier{SimdTier::portable, "Prescott", portable::kernels_of_tier<float>, portable::kernels_of_tier<double>},
    Tier{SimdTier::avx2, "Haswell", avx2::kernels_of_tier<float>, avx2::kernels_of_tier<double>},
    Tier{SimdTier::avx512, "SkylakeX", avx512::kernels_of_tier<float>, avx512::kernels_of_tier<double>},
#else
    Tier{SimdTier::portable, "", portable::kernels_of_tier<float>, portable::kernels_of_tier<double>},
#endif
};

bool runs_here(SimdTier tier) {
  const std::span<const SimdTier> here = simd_tiers();
  return std::find(here.begin(), here.end(), tier) != here.end();
}

const Tier& row_of(SimdTier tier) {
  const auto i = static_cast<std::size_t>(tier);
  LM_CHECK(i < kTiers.size() && kTiers[i].tier == tier);
  return kTiers[i];
}

SimdKernels<float> make(const Tier& tier, float) { return tier.float_kernels(); }
SimdKernels<double> make(const Tier& tier, double) { return tier.double_kernels(); }

template <class T>
std::array<SimdKernels<T>, kTiers.size()> tables_of_all_tiers() {
  std::array<SimdKernels<T>, kTiers.size()> tables{};
  for (std::size_t i = 0; i < kTiers.size(); ++i) {
    if (runs_here(kTiers[i].tier)) tables[i] = make(kTiers[i], T{});
  }
  return tables;
}

}  // namespace

const char* blas_core(SimdTier tier) { return row_of(tier).blas_core; }

template <class T>
const SimdKernels<T>& simd_kernels(SimdTier tier) {
  static const auto tables = tables_of_all_tiers<T>();
  return tables[static_cast<std::size_t>(row_of(tier).tier)];
}
template const SimdKernels<float>& simd_kernels(SimdTier tier);
template const SimdKernels<double>& simd_kernels(SimdTier tier);

}  // namespace lm
