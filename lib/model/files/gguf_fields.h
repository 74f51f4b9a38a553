// What a GGUF file says of a model: the architecture that llama.cpp has for its family, and the keys of that architecture.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/gguf_writer.h"
#include "model/config.h"
#include "model/files/gguf_architecture.h"

namespace lm {

/// Whether llama.cpp's code for an architecture adds a bias.
enum class GgufBias { none, optional, required };

/// What llama.cpp computes for a family, as far as models of that family differ.
struct GgufTarget {
  Family family;
  std::string_view architecture;
  GgufBias qkv_bias = GgufBias::optional, projection_bias = GgufBias::none, ffn_bias = GgufBias::none;
  bool norm_bias = false;     // norms have one, whether the model has it or not
  bool own_head = false;      // the head is a tensor of its own even if it is tied
  bool square_heads = false;  // heads have as many channels as the stream
  bool longrope = false;
};

/// Returns the configuration as llama.cpp can have it: for families whose windows it does not compute, the context ends where the
/// window does, within which all is seen. `notes` says so.
ModelConfig within_windows(ModelConfig config, std::vector<std::string>& notes);

/// Returns the target of a model. Throws Error naming `source` and what is in the way if llama.cpp has none for its family, or one
/// that computes something else.
const GgufTarget& gguf_target(const ModelConfig& config, std::string_view source);

/// Returns the keys of a model that has a target, with what the user should know in `notes`.
GgufFields gguf_fields(const ModelConfig& config, const GgufTarget& target, std::vector<std::string>& notes);

}  // namespace lm
