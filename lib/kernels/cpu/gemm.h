// One matrix product on the calling thread.
#pragma once

#include <cblas.h>

#include <cstdint>

namespace lm {

/// A row-major operand as it lies in memory; `transposed` asks for its transpose.
template <class T>
struct Operand {
  const T* data;
  std::int64_t stride;
  bool transposed = false;
};

/// c (m, n) = scale * a (m, k) * b (k, n) + keep * c.
inline void gemm(float* c, std::int64_t c_stride, Operand<float> a, Operand<float> b, std::int64_t m, std::int64_t n, std::int64_t k,
                 float keep) {
  if (m == 0 || n == 0) return;
  cblas_sgemm(CblasRowMajor, a.transposed ? CblasTrans : CblasNoTrans, b.transposed ? CblasTrans : CblasNoTrans,
              static_cast<int>(m), static_cast<int>(n), static_cast<int>(k), 1, a.data, static_cast<int>(a.stride), b.data,
              static_cast<int>(b.stride), keep, c, static_cast<int>(c_stride));
}
inline void gemm(double* c, std::int64_t c_stride, Operand<double> a, Operand<double> b, std::int64_t m, std::int64_t n,
                 std::int64_t k, double keep) {
  if (m == 0 || n == 0) return;
  cblas_dgemm(CblasRowMajor, a.transposed ? CblasTrans : CblasNoTrans, b.transposed ? CblasTrans : CblasNoTrans,
              static_cast<int>(m), static_cast<int>(n), static_cast<int>(k), 1, a.data, static_cast<int>(a.stride), b.data,
              static_cast<int>(b.stride), keep, c, static_cast<int>(c_stride));
}

}  // namespace lm
