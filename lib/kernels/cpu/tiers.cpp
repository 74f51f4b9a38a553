#include "kernels/cpu/tiers.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include <array>
#include <vector>

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

#if defined(__x86_64__)
/// Returns whether the CPU converts 16-bit floats: not every compiler's __builtin_cpu_supports knows of that.
bool has_f16c() {
  unsigned int a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid(1, &a, &b, &c, &d) != 0 && (c & bit_F16C) != 0;
}

// These ask the CPU and, through XCR0, whether the operating system saves the wide registers.
bool has_avx2() {
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi") &&
         __builtin_cpu_supports("bmi2") && has_f16c();
}
bool has_avx512() {
  return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
}
#endif
bool always() { return true; }

/// All that this backend knows of a tier.
struct Tier {
  SimdTier tier;
  bool (*runs_here)();
  const char* blas_core;
  SimdKernels<float> (*float_kernels)();
  SimdKernels<double> (*double_kernels)();
};

/// From the narrowest to the widest, at the index of the tier. A tier's functions run its instructions: call them only if
/// it runs here.
constexpr std::array kTiers = {
#if defined(__x86_64__)
    // OpenBLAS's own choice of core is wrong in old releases on new CPUs.
    Tier{SimdTier::portable, always, "Prescott", portable::kernels_of_tier<float>, portable::kernels_of_tier<double>},
    Tier{SimdTier::avx2, has_avx2, "Haswell", avx2::kernels_of_tier<float>, avx2::kernels_of_tier<double>},
    Tier{SimdTier::avx512, has_avx512, "SkylakeX", avx512::kernels_of_tier<float>, avx512::kernels_of_tier<double>},
#else
    Tier{SimdTier::portable, always, "", portable::kernels_of_tier<float>, portable::kernels_of_tier<double>},
#endif
};

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
    if (kTiers[i].runs_here()) tables[i] = make(kTiers[i], T{});
  }
  return tables;
}

}  // namespace

std::span<const SimdTier> simd_tiers() {
  static const std::vector<SimdTier> tiers = [] {
    std::vector<SimdTier> all;
    for (const Tier& tier : kTiers) {
      if (tier.runs_here()) all.push_back(tier.tier);
    }
    return all;
  }();
  return tiers;
}

SimdTier best_simd_tier() { return simd_tiers().back(); }

const char* blas_core(SimdTier tier) { return row_of(tier).blas_core; }

template <class T>
const SimdKernels<T>& simd_kernels(SimdTier tier) {
  static const auto tables = tables_of_all_tiers<T>();
  return tables[static_cast<std::size_t>(row_of(tier).tier)];
}
template const SimdKernels<float>& simd_kernels(SimdTier tier);
template const SimdKernels<double>& simd_kernels(SimdTier tier);

}  // namespace lm
