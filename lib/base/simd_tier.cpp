#include "base/simd_tier.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include <vector>

namespace lm {

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

}  // namespace

std::span<const SimdTier> simd_tiers() {
  static const std::vector<SimdTier> tiers = [] {
    std::vector<SimdTier> all = {SimdTier::portable};
#if defined(__x86_64__)
    if (has_avx2()) all.push_back(SimdTier::avx2);
    if (has_avx512()) all.push_back(SimdTier::avx512);
#endif
    return all;
  }();
  return tiers;
}

SimdTier best_simd_tier() { return simd_tiers().back(); }

}  // namespace lm
