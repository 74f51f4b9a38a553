// The product of one tile whose factors are not packed: which implementation serves it is fixed by type and SIMD tier.
#pragma once

#include "kernels/compute.h"
#include "kernels/cpu/products/product.h"

namespace lm {

/// Returns whether OpenBLAS serves products of this type: our micro-kernels win if vectors are wide (bench_kernels);
/// OpenBLAS serves the rest and all checks in double.
constexpr bool served_by_blas(SimdTier tier, float) { return tier == SimdTier::portable; }
constexpr bool served_by_blas(SimdTier, double) { return true; }

/// c = a b, or c += a b if `add`, on the calling thread, which is `worker` of compute's pool and whose scratch it uses.
template <class T>
void multiply_tile(Compute& compute, int worker, Strided<T> c, const Operand<T>& a, const Operand<T>& b, ProductShape shape,
                   bool add);

/// Returns the elements of scratch that multiply_tile asks for.
template <class T>
std::int64_t multiply_tile_scratch(SimdTier tier, std::int64_t m, std::int64_t n);

}  // namespace lm
