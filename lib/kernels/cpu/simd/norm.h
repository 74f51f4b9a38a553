// LayerNorm and RMSNorm over a block of rows: the formulas are in kernels/norm.h.
#pragma once

#include <cstdint>

#include "kernels/cpu/strided.h"

namespace lm {

struct NormShape {
  std::int64_t rows;
  std::int64_t width;
};

/// What the gains of RMSNorm are: offset + gain[i].
template <class T>
struct NormGain {
  const T* gain;
  T offset;
};

/// What LayerNorm's forward pass keeps of each row.
template <class T>
struct RowMoments {
  T* mean;
  T* rstd;
};

template <class T>
struct NormKernels {
  void (*layernorm_forward)(Strided<T> y, RowMoments<T> moments, Strided<const T> x, const T* gain, const T* bias,
                            NormShape shape, T eps);
  /// dx += (keep 1) or dx = (keep 0); dx may be dy if keep is 0. So in the other backward pass.
  void (*layernorm_backward)(Strided<T> dx, T* dgain, T* dbias, Strided<const T> dy, Strided<const T> x, const T* gain,
                             RowMoments<const T> moments, NormShape shape, T keep);
  void (*rmsnorm_forward)(Strided<T> y, T* rstd, Strided<const T> x, NormGain<T> gain, NormShape shape, T eps);
  void (*rmsnorm_backward)(Strided<T> dx, T* dgain, Strided<const T> dy, Strided<const T> x, NormGain<T> gain, const T* rstd,
                           NormShape shape, T keep);
};

}  // namespace lm
