// What a GGUF file says of its model, as the config.json of a Hugging Face folder of the same family.
#pragma once

#include "base/json.h"
#include "model/files/gguf_architecture.h"
#include "model/files/gguf_parts.h"

namespace lm {

// A GGUF model becomes a folder of its family first: so one reader knows what each family's keys mean, a model that is read
// can be written as a folder again, and what a family cannot have is refused in one place. What llama.cpp takes for granted
// where a file does not say, such as which layers of Gemma 3 see a window, is said here.

/// Returns the config.json, with the size of the vocabulary and the biases that tensors show. Throws Error, naming the key,
/// for what the family's class cannot express, and for keys that are not known and may change what is computed.
JsonValue config_from_gguf(const GgufParts& parts, const GgufArchitecture& architecture);

}  // namespace lm
