// The SIMD tiers that this program was built with, and the kernels of each.
#pragma once

#include "kernels/compute.h"
#include "kernels/cpu/simd/table.h"

namespace lm {

/// Returns the name of the core that OpenBLAS uses on a tier, or an empty one if OpenBLAS's own choice is right.
const char* blas_core(SimdTier tier);

/// Returns the tier's kernels for T (float or double).
template <class T>
const SimdKernels<T>& simd_kernels(SimdTier tier);

}  // namespace lm
