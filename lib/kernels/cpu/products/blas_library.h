// OpenBLAS (base/openblas.h) with the core of a SIMD tier.
#pragma once

#include "base/openblas.h"
#include "kernels/compute.h"

namespace lm {

/// Returns OpenBLAS, opened at the first call, with the tier's core, one thread per product, and a buffer for each of
/// `callers` at once. Safe from any thread; at most one tier is in use at a time. Throws Error as open_blas() does.
const OpenBlas& blas_library(SimdTier tier, int callers);

}  // namespace lm
