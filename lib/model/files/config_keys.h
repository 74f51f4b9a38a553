// Which keys of a Hugging Face config.json change the model, beyond the sizes that config_hugging_face.cpp reads.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "model/config.h"

namespace lm {

/// Returns the first key that the family's class in transformers reads and that has a value which this program cannot
/// express; empty if there is none.
std::string key_not_expressible(const JsonValue& json, Family family);

/// Returns the keys that would change the model in another family and that this family's class ignores, as we do.
std::vector<std::string> keys_ignored(const JsonValue& json, Family family);

/// Returns the rotation's parameters: rope_scaling if it is there and not empty, else rope_parameters, with the key's name;
/// null if neither is. The former comes first in transformers too.
const JsonValue* find_rope(const JsonValue& json, const char*& key);

}  // namespace lm
