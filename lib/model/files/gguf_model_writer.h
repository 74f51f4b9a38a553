// A model's tensors as a GGUF file has them: named, ordered and quantized as llama.cpp expects.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/gguf_writer.h"
#include "kernels/compute.h"
#include "model/files/gguf_fields.h"
#include "model/files/gguf_mix.h"
#include "model/files/importance.h"
#include "model/parameters.h"

namespace lm {

struct GgufTensorOptions {
  GgufFileType type = GgufFileType::f32;
  const Importance* importance = nullptr;  // or none
  std::string importance_name = {};        // for messages
};

/// What became of a model's tensors.
struct GgufTensors {
  std::vector<GgufSource> sources;
  std::vector<std::string> notes;  // a sentence each: how many tensors have which type, and which fell back to another
};

/// Returns the tensors of a model in the order of its layers. Their data are made when they are written: rows of queries and keys are
/// put where llama.cpp has them, 1 is added to Gemma's gains, biases that llama.cpp insists on are zeros. `compute`, `parameters` and
/// the importance must outlive them. Throws Error naming `file` if the importance is of another model; writing throws it for a
/// number that is too large for its type.
GgufTensors gguf_tensors(Compute& compute, const Parameters<float>& parameters, const GgufTarget& target,
                         const GgufTensorOptions& options, std::string_view file);

}  // namespace lm
