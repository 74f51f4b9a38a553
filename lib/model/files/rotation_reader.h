// The rotation of a config.json: rope_theta, rope_scaling and rope_parameters, as the classes of transformers 4 and 5 have them.
#pragma once

#include "model/config.h"
#include "model/files/config_reader.h"
#include "model/files/family_keys.h"

namespace lm {

/// Reads the rotations into a configuration whose sizes are known. Throws Error for a scaling that is not known.
void read_rotations(const ConfigReader& reader, const FamilyKeys& keys, ModelConfig& config);

/// Returns the rotation's parameters: rope_scaling if it is there and not empty, else rope_parameters, with the key's name;
/// null if neither is. The former comes first in transformers too.
const JsonValue* find_rope(const ConfigReader& reader, const char*& key);

}  // namespace lm
