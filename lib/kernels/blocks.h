// Weights in blocks, as GGUF files have them, to floats. The blocks' layouts: ggml-common.h of ggml, and the comments beside
// the code.
#pragma once

#include <cstdint>

#include "base/ggml_type.h"

namespace lm {

/// Returns whether dequantize() knows the type: F32 F16 BF16 Q8_0 Q4_0 Q4_1 Q5_0 Q5_1 Q2_K Q3_K Q4_K Q5_K Q6_K IQ4_NL IQ4_XS
/// MXFP4.
bool can_dequantize(GgmlType type);

/// Writes the values of the blocks, in fp32 arithmetic and its order as ggml's dequantize_row_* and Python's gguf.quants
/// have them, which agree to the bit.
/// values: (count), count a multiple of the type's block  blocks: count / values of a block * bytes of a block, at any
/// alignment
void dequantize(GgmlType type, const void* blocks, std::int64_t count, float* values);

}  // namespace lm
