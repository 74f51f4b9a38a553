// The rotation of a GGUF file, as rope_parameters of a config.json.
#pragma once

#include <cstdint>

#include "base/json.h"
#include "model/files/gguf_architecture.h"
#include "model/files/gguf_keys.h"
#include "model/files/gguf_parts.h"

namespace lm {

/// The sizes on which a rotation depends.
struct RotatedSizes {
  std::int64_t head_dim = 0, context_length = 0;
};

/// Sets rope_parameters, and what else the family's class reads of its rotation. Throws Error for a scaling that it cannot
/// express.
void set_rotation_from_gguf(JsonValue& config, const GgufKeys& keys, const GgufParts& parts,
                            const GgufArchitecture& architecture, const RotatedSizes& sizes);

/// Returns the number with the fewest digits that is the same 32-bit float, in which files have their numbers: 0.00001, not
/// 0.0000099999997.
double plain_number(double value);

}  // namespace lm
