// The SIMD tiers: sets of instructions that code is compiled for several times over, and one of which is chosen at run time.
#pragma once

#include <span>

#include "base/choice.h"

namespace lm {

enum class SimdTier { portable, avx2, avx512 };
template <>
inline constexpr auto kChoices<SimdTier> = choice_table<SimdTier>("SIMD tier", {{"portable", SimdTier::portable},
                                                                                {"avx2", SimdTier::avx2},
                                                                                {"avx512", SimdTier::avx512}});

/// Returns the tiers that this CPU (and operating system) can run, from the narrowest to the widest.
std::span<const SimdTier> simd_tiers();
/// Returns the widest of them.
SimdTier best_simd_tier();

}  // namespace lm
