// The table of a SIMD tier: row-level kernels as plain functions over raw pointers. Each group is declared beside its code.
#pragma once

#include "kernels/cpu/products/simd/decode.h"
#include "kernels/cpu/products/simd/gemm.h"
#include "kernels/cpu/products/simd/packed.h"
#include "kernels/cpu/simd/activation.h"
#include "kernels/cpu/simd/cache.h"
#include "kernels/cpu/simd/elementwise.h"
#include "kernels/cpu/simd/muon.h"
#include "kernels/cpu/simd/norm.h"
#include "kernels/cpu/simd/optimizer.h"
#include "kernels/cpu/simd/softmax.h"

namespace lm {

/// Every tier has one for float and one for double. The double ones are the same templates, so that gradient checks in
/// double prove the formulas that run in float. Counts are elements; n and width may be anything from 0 up.
template <class T>
struct SimdKernels {
  ElementwiseKernels<T> elementwise;
  NormKernels<T> norm;
  ActivationKernels<T> activation;
  SoftmaxKernels<T> softmax;
  OptimizerKernels<T> optimizer;
  MuonKernels<T> muon;
  GemmKernels<T> gemm;
  DecodeKernels<T> decode;
  PackedKernels packed;  // of float, as is the next
  CacheTable cache;
};

}  // namespace lm
