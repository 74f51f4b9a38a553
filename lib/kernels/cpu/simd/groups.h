// How each file of a tier gives its kernels to the tier's table: table.cpp calls these functions, and each is defined in the
// file of its group, here or in cpu/products/simd/.
//
// LM_TIER is the namespace of a tier. lib/kernels/CMakeLists.txt compiles these files once for each tier, with LM_TIER
// defined as portable, avx2 or avx512.
#pragma once

#include "kernels/cpu/simd/table.h"

namespace lm::LM_TIER {

template <class T>
ElementwiseKernels<T> elementwise_kernels();
template <class T>
NormKernels<T> norm_kernels();
template <class T>
ActivationKernels<T> activation_kernels();
template <class T>
SoftmaxKernels<T> softmax_kernels();
template <class T>
OptimizerKernels<T> optimizer_kernels();
template <class T>
MuonKernels<T> muon_kernels();
template <class T>
GemmKernels<T> gemm_kernels();
template <class T>
DecodeKernels<T> decode_kernels();
PackedKernels packed_kernels();
CacheTable cache_kernels();

}  // namespace lm::LM_TIER
