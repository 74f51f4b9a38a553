#include "kernels/cpu/products/multiply_tile.h"

#include "kernels/cpu/products/blas_library.h"
#include "kernels/cpu/tiers.h"

namespace lm {

namespace {

CBLAS_TRANSPOSE form(bool transposed) { return transposed ? CblasTrans : CblasNoTrans; }

void blas_product(const OpenBlas& blas, Strided<float> c, const Operand<float>& a, const Operand<float>& b,
                  ProductShape shape, bool add) {
  blas.sgemm(CblasRowMajor, form(a.transposed), form(b.transposed), static_cast<blasint>(shape.m),
             static_cast<blasint>(shape.n), static_cast<blasint>(shape.depth), 1, a.data, static_cast<blasint>(a.stride),
             b.data, static_cast<blasint>(b.stride), add ? 1.0f : 0.0f, c.data, static_cast<blasint>(c.stride));
}
void blas_product(const OpenBlas& blas, Strided<double> c, const Operand<double>& a, const Operand<double>& b,
                  ProductShape shape, bool add) {
  blas.dgemm(CblasRowMajor, form(a.transposed), form(b.transposed), static_cast<blasint>(shape.m),
             static_cast<blasint>(shape.n), static_cast<blasint>(shape.depth), 1, a.data, static_cast<blasint>(a.stride),
             b.data, static_cast<blasint>(b.stride), add ? 1.0 : 0.0, c.data, static_cast<blasint>(c.stride));
}

}  // namespace

void prepare_products(Compute& compute) {
  if (served_by_blas(compute.simd(), float{})) blas_library(compute.simd(), compute.pool().threads());
}

template <class T>
void multiply_tile(Compute& compute, int worker, Strided<T> c, const Operand<T>& a, const Operand<T>& b, ProductShape shape,
                   bool add) {
  if (served_by_blas(compute.simd(), T{})) {
    blas_product(blas_library(compute.simd(), compute.pool().threads()), c, a, b, shape, add);
    return;
  }
  const GemmKernels<T>& kernels = simd_kernels<T>(compute.simd()).gemm;
  kernels.multiply(c, a, b, shape, add, compute.scratch<T>(worker, kernels.scratch_elements(shape.m, shape.n)));
}

template <class T>
std::int64_t multiply_tile_scratch(SimdTier tier, std::int64_t m, std::int64_t n) {
  return served_by_blas(tier, T{}) ? 0 : simd_kernels<T>(tier).gemm.scratch_elements(m, n);
}

template std::int64_t multiply_tile_scratch<float>(SimdTier, std::int64_t, std::int64_t);
template std::int64_t multiply_tile_scratch<double>(SimdTier, std::int64_t, std::int64_t);
template void multiply_tile(Compute&, int, Strided<float>, const Operand<float>&, const Operand<float>&, ProductShape, bool);
template void multiply_tile(Compute&, int, Strided<double>, const Operand<double>&, const Operand<double>&, ProductShape,
                            bool);

}  // namespace lm
