// Hugging Face's config.json of each family, written and read.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/token.h"
#include "model/config.h"

namespace lm {

/// Returns the config.json of a model, as the class of its family in transformers reads it.
JsonValue config_to_hugging_face(const ModelConfig& config, TokenId end_of_text, std::optional<TokenId> begin = {});

/// Returns the shape that a config.json describes. Throws Error for what cannot be expressed exactly (rope scaling, sliding
/// windows, other activations), with the key's name.
ModelConfig config_from_hugging_face(const JsonValue& json, std::string_view source);

/// Returns a sentence for each key of a config.json that would change the model in another family and that the class of this
/// one ignores, as config_from_hugging_face does.
std::vector<std::string> hugging_face_notes(const JsonValue& json);

}  // namespace lm
