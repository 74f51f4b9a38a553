// The product of one tile: which implementation serves it is a fixed table per type and SIMD tier.
#pragma once

#include <cstdint>

#include "kernels/compute.h"

namespace lm {

/// A row-major matrix as it lies in memory, or its transpose.
template <class T>
struct Operand {
  const T* data;
  std::int64_t stride;
  bool transposed = false;
};

/// Shape of a product: c (m, n), a (m, k), b (k, n).
struct ProductShape {
  std::int64_t m, n, k;
};

/// Our micro-kernels win where the vectors are wide (bench_kernels); OpenBLAS serves the rest and all checks in double.
constexpr bool served_by_blas(SimdTier tier, float) { return tier == SimdTier::portable; }
constexpr bool served_by_blas(SimdTier, double) { return true; }

/// c = a b, or c += a b, on the calling thread, which is `worker` of compute's pool and whose scratch it uses.
template <class T>
void multiply_tile(Compute& compute, int worker, T* c, std::int64_t c_stride, const Operand<T>& a, const Operand<T>& b,
                   ProductShape shape, bool add);

/// Elements of scratch that multiply_tile asks for.
template <class T>
std::int64_t multiply_tile_scratch(SimdTier tier, std::int64_t m, std::int64_t n);

}  // namespace lm
