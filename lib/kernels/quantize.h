// Floats to weights in blocks, as GGUF files have them: the other direction of blocks.h.
#pragma once

#include "base/ggml_type.h"
#include "kernels/compute.h"
#include "tensor/view.h"

namespace lm {

// What a block's scale is. q8_0 takes the largest magnitude to 127; q4_0 and q5_0 the value of the largest magnitude to the end of the
// codes that has one more; q4_1 the least and the largest value to its first and last code. That is all of it without importance.
// With it, and always in q4_k and q6_k, scales are searched for: candidates around that one, codes by rounding, then the scale of
// least weighted squared error for these codes. The weight of a value x is
//
//   q4_0 q4_1 q5_0   importance * sqrt(m + x^2)      m = mean of the row's squares
//   q4_k             importance * sqrt(2 m + x^2)    m = mean of the 256 values' squares; without importance sqrt(2 m) + |x|
//   q6_k             importance; without it x^2
//
// q8_0, q4_0, q4_1, q5_0 and q6_k are to the bit what ggml's quantize_q8_0 and so on give; q4_k comes as near to the floats, or nearer.

/// Returns whether quantize() knows the type: F32 F16 BF16 Q8_0 Q4_0 Q4_1 Q5_0 Q4_K Q6_K.
bool can_quantize(GgmlType type);

/// Writes the rows' blocks one after the other; the same bytes for any number of threads and every tier. Returns whether all are finite:
/// false if a number is too large for the 16 bits that it, or its block's scale, has.
/// rows: (R, K) finite, K a multiple of the type's block  importance: (K) >= 0, the mean squares of what the columns are multiplied
/// by, or null  blocks: R * K / values of a block * bytes of a block, at any alignment
bool quantize(Compute& compute, GgmlType type, void* blocks, TensorView<const float> rows, const float* importance);

}  // namespace lm
