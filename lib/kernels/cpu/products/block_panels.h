// Panels of quantized weights: from the blocks of files, and back to floats. blocks/layout.h says how they lie.
#pragma once

#include <cstdint>

#include "base/ggml_type.h"

namespace lm {

/// Returns the bytes of a panel with so many inputs, a multiple of the type's block.
std::int64_t block_panel_bytes(GgmlType type, std::int64_t inputs);

/// Packs `count` rows of `inputs` weights in blocks, one after the other; the panel's other outputs become zeros. Returns whether
/// all are finite.
bool pack_block_panel(GgmlType type, void* panel, const void* rows, std::int64_t count, std::int64_t inputs);

/// y (inputs) = the weights of one output, as dequantize() (kernels/blocks.h) has them, bit for bit.
void unpack_block_output(GgmlType type, float* y, const void* panel, std::int64_t output, std::int64_t inputs);

}  // namespace lm
