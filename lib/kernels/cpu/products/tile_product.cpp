#include "kernels/cpu/products/tile_product.h"

#include "kernels/cpu/products/blas_library.h"
#include "kernels/cpu/dispatch.h"

namespace lm {

namespace {

CBLAS_TRANSPOSE form(bool transposed) { return transposed ? CblasTrans : CblasNoTrans; }

void blas_product(const BlasLibrary& blas, float* c, std::int64_t c_stride, const Operand<float>& a, const Operand<float>& b,
                  ProductShape shape, bool add) {
  blas.sgemm(CblasRowMajor, form(a.transposed), form(b.transposed), static_cast<blasint>(shape.m),
             static_cast<blasint>(shape.n), static_cast<blasint>(shape.k), 1, a.data, static_cast<blasint>(a.stride), b.data,
             static_cast<blasint>(b.stride), add ? 1.0f : 0.0f, c, static_cast<blasint>(c_stride));
}
void blas_product(const BlasLibrary& blas, double* c, std::int64_t c_stride, const Operand<double>& a,
                  const Operand<double>& b, ProductShape shape, bool add) {
  blas.dgemm(CblasRowMajor, form(a.transposed), form(b.transposed), static_cast<blasint>(shape.m),
             static_cast<blasint>(shape.n), static_cast<blasint>(shape.k), 1, a.data, static_cast<blasint>(a.stride), b.data,
             static_cast<blasint>(b.stride), add ? 1.0 : 0.0, c, static_cast<blasint>(c_stride));
}

}  // namespace

void prepare_products(Compute& compute) {
  if (served_by_blas(compute.simd(), float{})) blas_library(compute.simd(), compute.pool().threads());
}

template <class T>
void multiply_tile(Compute& compute, int worker, T* c, std::int64_t c_stride, const Operand<T>& a, const Operand<T>& b,
                   ProductShape shape, bool add) {
  if (served_by_blas(compute.simd(), T{})) {
    blas_product(blas_library(compute.simd(), compute.pool().threads()), c, c_stride, a, b, shape, add);
    return;
  }
  const SimdKernels<T>& kernels = simd_kernels<T>(compute.simd());
  kernels.gemm(c, c_stride, a.data, a.stride, a.transposed, b.data, b.stride, b.transposed, shape.m, shape.n, shape.k, add,
               compute.scratch<T>(worker, kernels.gemm_scratch(shape.m, shape.n)));
}

template <class T>
std::int64_t multiply_tile_scratch(SimdTier tier, std::int64_t m, std::int64_t n) {
  return served_by_blas(tier, T{}) ? 0 : simd_kernels<T>(tier).gemm_scratch(m, n);
}

template std::int64_t multiply_tile_scratch<float>(SimdTier, std::int64_t, std::int64_t);
template std::int64_t multiply_tile_scratch<double>(SimdTier, std::int64_t, std::int64_t);
template void multiply_tile(Compute&, int, float*, std::int64_t, const Operand<float>&, const Operand<float>&, ProductShape,
                            bool);
template void multiply_tile(Compute&, int, double*, std::int64_t, const Operand<double>&, const Operand<double>&,
                            ProductShape, bool);

}  // namespace lm
