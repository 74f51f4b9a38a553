// GGUF models as other models are loaded: all weights as 32-bit floats.
#pragma once

#include <string>

#include "model/files/checkpoint.h"

namespace lm {

/// Loads a GGUF file, with the parts that follow it. Its record is that of a folder of the same family, and the tokenizer stays in the
/// file; of one that was written here, it is what a model file says (lm.* keys), so that it is read back as it was. Throws
/// what GgufModel::open() does, and Error for numbers that are not finite.
LoadedModel load_gguf_model(const std::string& path, Matrices matrices = Matrices::in_memory);

}  // namespace lm
