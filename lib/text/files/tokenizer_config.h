// tokenizer_config.json and its neighbours: what a folder says of how its vocabulary is to be used.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "text/files/spelled_vocabulary.h"
#include "text/tokenizer.h"
#include "text/tokenizer_parts.h"

namespace lm {

/// The facts of a folder's tokenizer_config.json, and the model type of its config.json; both may be absent.
struct TokenizerConfig {
  std::string text;                // the whole file, with the chat template beside it; empty if there is none
  JsonValue json;                  // the same, read; null if there is none
  std::string class_name;          // without "Fast"; empty if none is stated
  std::string stated_class;        // as it is stated
  std::string model_type;          // of config.json
  std::string end_of_text;         // the end-of-sequence token, or the separator of models that have only that
  std::string begin;               // the beginning-of-sequence token
  std::optional<bool> adds_begin;  // whether that is put before texts, if the file says so
  bool adds_prefix_space = false;

  /// Reads them from a folder.
  static TokenizerConfig read(const std::string& folder);
  /// Returns a member that is true or false.
  std::optional<bool> flag(std::string_view key) const;
};

/// Adds the tokens of "added_tokens_decoder", and of added_tokens.json beside it, to a vocabulary.
void add_configured_tokens(const TokenizerConfig& config, const std::string& folder, SpelledVocabulary& vocabulary);

/// Adds the same tokens to parts whose vocabulary came from another file. Throws Error if one contradicts it.
void add_configured_tokens(const TokenizerConfig& config, const std::string& folder, TokenizerParts& parts);

/// Adds what the configuration says to parts that were read from the folder's vocabulary: end-of-text, the token before texts
/// if the post-processor puts none, and the file itself, which is kept.
void apply_config(const TokenizerConfig& config, TokenizerParts& parts);

/// Sets how the vocab.json and merges.txt of a folder are used: pattern, normalizer, post-processor. Throws Error if the class
/// or model type is not known to cut text in one way (unless options.pattern names one).
void apply_vocabulary_class(const TokenizerConfig& config, const std::string& folder, const TokenizerOptions& options,
                            TokenizerParts& parts);

/// Set what a folder's class does with its SentencePiece file and its vocab.txt. Throw Error for a class that is not known to use
/// the file as it is.
void apply_sentencepiece_class(const TokenizerConfig& config, const std::string& folder, TokenizerParts& parts);
void require_bert_class(const TokenizerConfig& config, const std::string& folder);

}  // namespace lm
