// What each file of a tier gives to the tier's table.
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

}  // namespace lm::LM_TIER
