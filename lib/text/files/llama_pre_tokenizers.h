// How llama.cpp cuts text before byte-level BPE, by the name that GGUF files have for it (tokenizer.ggml.pre).
#pragma once

#include <span>
#include <string_view>

#include "base/json.h"

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

/// Returns the "pre_tokenizer" of a tokenizer.json that cuts in that way and, unless BPE is over characters, spells bytes as ByteLevel
/// does.
JsonValue pre_tokenizer_json(const LlamaPreTokenizer& cuts);
/// Returns the one whose "pre_tokenizer" that is, and that takes whole tokens first or not; null if there is none. Of several, which
/// cut alike, it is one that cleans up spaces as wanted, if any does, and then the one that the others are variants of.
const LlamaPreTokenizer* find_llama_pre_tokenizer(const JsonValue& pre_tokenizer, bool ignores_merges, bool cleans_up);

}  // namespace lm
