// Hugging Face's config.json of each family, written and read.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "model/config.h"
#include "model/files/folder_facts.h"

namespace lm {

/// What the type of a model that needs a class of its own begins with in config.json, before the family.
inline constexpr const char* kOwnModelType = "lm_tools_";
/// The module of Python in its folder that has that class.
inline constexpr const char* kOwnModule = "modeling_lm_tools";

/// Returns the config.json of a model, as the class of its family in transformers reads it. Throws Error for a family that
/// lm-train does not make.
JsonValue config_to_hugging_face(const ModelConfig& config, const FolderFacts& facts);

/// Returns transformers' class of a family's models, with their head.
const char* hugging_face_class(Family family);

/// Returns the shape that a config.json describes. Throws Error for what cannot be expressed exactly (rope scaling, sliding
/// windows, other activations), with the key's name.
ModelConfig config_from_hugging_face(const JsonValue& json, std::string_view source);

/// Returns a sentence for each key of a config.json that would change the model in another family and that the class of this
/// one ignores, as config_from_hugging_face does.
std::vector<std::string> hugging_face_notes(const JsonValue& json);

}  // namespace lm
