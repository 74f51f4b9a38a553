// The kernels of quantized weights: a table for each instruction set, of which all give the same bits.
#pragma once

#include "base/ggml_type.h"
#include "kernels/compute.h"
#include "kernels/cpu/products/blocks/layout.h"

namespace lm {

/// Returns the kind of a type of blocks. Throws InternalError for one that has no panels: can_pack() (kernels/packed.h).
BlockKind block_kind(GgmlType type);
/// Returns whether it has.
bool has_block_kind(GgmlType type);
/// Returns the type of a kind.
GgmlType block_type(BlockKind kind);

/// Returns the fastest kernels that this CPU has within a tier.
const BlockKernels& block_kernels(SimdTier tier);

}  // namespace lm
