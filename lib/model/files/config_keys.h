// Which keys of a Hugging Face config.json would change the model, beyond those that config_hugging_face.cpp reads.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "model/config.h"
#include "model/files/config_reader.h"

namespace lm {

/// Throws Error, naming the key, if the family's class in transformers reads one with a value that this program cannot
/// express.
void check_expressible(const ConfigReader& reader, Family family);

/// Returns the keys that would change the model in another family, and that reading this one's configuration did not ask for,
/// as its class does not.
std::vector<std::string> keys_ignored(const ConfigReader& reader, const ModelConfig& config);

}  // namespace lm
