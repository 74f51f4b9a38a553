#include "kernels/cpu/products/half_kernels.h"

#include <string>

#include "base/error.h"

namespace lm {

#if defined(LM_HAS_BF16)
namespace bf16 {
HalfKernels kernels_of_format();
}
#endif
#if defined(LM_HAS_FP16)
namespace fp16 {
HalfKernels kernels_of_format();
}
#endif

const HalfKernels& half_kernels(Precision precision) {
#if defined(LM_HAS_BF16)
  static const HalfKernels bf16_kernels = bf16::kernels_of_format();
  if (precision == Precision::bf16) return bf16_kernels;
#endif
#if defined(LM_HAS_FP16)
  static const HalfKernels fp16_kernels = fp16::kernels_of_format();
  if (precision == Precision::fp16) return fp16_kernels;
#endif
  throw InternalError(std::string("no kernels for ") + to_string(precision));
}

}  // namespace lm
