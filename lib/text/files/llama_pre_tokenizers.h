// How llama.cpp cuts text before byte-level BPE, by the name that GGUF files have for it (tokenizer.ggml.pre).
#pragma once

#include <span>
#include <string_view>

namespace lm {

/// What comes with a way to cut text.
struct LlamaPreTokenizerFlags {
  bool ignore_merges = false;
  bool clean_up_spaces = true;
  bool add_bos = false;
  bool add_sep = false;
  bool has_bos = true;         // whether there is a begin token if the file names none
  bool characters = false;     // BPE is over characters, not over bytes
  bool escape_spaces = false;  // ' ' becomes '▁'
  bool newline_runs = false;   // line feeds that make a token are one
};

struct LlamaPreTokenizer {
  std::string_view name;
  /// Each cuts the pieces that the one before left into its matches and what is between them.
  std::span<const std::string_view> expressions;
  LlamaPreTokenizerFlags flags = {};
};

/// Returns all of them. Missing are those that llama.cpp cuts by code of its own that no expression stands for: kimi-k2 and
/// superbpe.
std::span<const LlamaPreTokenizer> llama_pre_tokenizers();

/// Returns the one of that name, or null. An empty name is that of files which do not say.
const LlamaPreTokenizer* find_llama_pre_tokenizer(std::string_view name);

}  // namespace lm
