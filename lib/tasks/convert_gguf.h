// A model as a GGUF file, for llama.cpp and what is built on it.
#pragma once

#include <string>
#include <vector>

#include "kernels/compute.h"
#include "model/files/gguf_mix.h"
#include "text/tokenizer.h"

namespace lm {

struct GgufConversion {
  GgufFileType type = GgufFileType::f32;
  std::string importance = {};  // a file of mean squares that errors are weighted by; empty: none
};

/// Loads the model `from` and writes it to `to`, a GGUF file, with its tokenizer. Returns a sentence for each thing that the user should
/// know: the types of tensors, and what llama.cpp does otherwise. Throws Error, before anything is written, for what llama.cpp cannot
/// compute: a model that was trained to see what follows (masked, prefix, span), or whose family, layers or tokenizer it does not know.
std::vector<std::string> convert_to_gguf(Compute& compute, const std::string& from, const std::string& to,
                                         const TokenizerOptions& options, const GgufConversion& conversion);

}  // namespace lm
