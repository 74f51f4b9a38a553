// WordPiece: the longest token that a word begins with, then the longest that goes on from there; and WordLevel: whole words.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/token.h"
#include "text/vocabulary/piece_cache.h"
#include "text/vocabulary/prefix_trie.h"
#include "text/vocabulary/token_strings.h"

namespace lm {

struct WordPieceOptions {
  std::optional<TokenId> unk;
  /// Begins the spelling of tokens that go on inside a word: "##" of BERT's; empty: they are spelled as others are.
  std::string continuing_subword_prefix = "##";
  /// Goes before each word: "▁" of llama.cpp's vocabularies, which mark beginnings instead; empty otherwise.
  std::string word_prefix = {};
  /// A word of more characters is unknown.
  std::uint64_t max_input_chars_per_word = 100;
  /// Ids that the vocabulary holds beside the model (added tokens), which text does not give; empty: none.
  std::vector<bool> absent = {};
};

/// The tables of a model. Immutable once built, so threads may share one.
class WordPiece {
 public:
  /// `tokens` must outlive the model. Throws Error naming `source` for more than 8 million tokens.
  WordPiece(const TokenStrings& tokens, WordPieceOptions options, std::string_view source);

 private:
  friend class WordPieceEncoder;
  WordPieceOptions options_;
  PrefixTrie trie_;
  PrefixTrie::Node continuing_ = PrefixTrie::kRoot;  // after continuing_subword_prefix
};

/// Applies a model to words. Each thread needs its own.
class WordPieceEncoder {
 public:
  explicit WordPieceEncoder(const WordPiece& model, PieceCache::Use use = PieceCache::Use::if_worthwhile)
      : model_(model), cache_(use) {}

  /// Appends the ids of `word`, which is one token, the unknown one, unless tokens make up all of it. Throws Error if the model
  /// has no unknown token and needs it.
  void encode(std::string_view word, std::vector<TokenId>& ids);

 private:
  bool match(std::string_view word, std::vector<TokenId>& ids) const;

  const WordPiece& model_;
  PieceCache cache_;
  std::string prefixed_;  // the word after word_prefix
};

/// A vocabulary of whole words. Immutable once built, so threads may share one.
class WordLevel {
 public:
  /// `tokens` must outlive the model; `absent` as in WordPieceOptions.
  WordLevel(const TokenStrings& tokens, std::optional<TokenId> unk, const std::vector<bool>& absent = {});

  /// Appends the id of `word`, or the unknown token's. Throws Error if it needs that and has none.
  void encode(std::string_view word, std::vector<TokenId>& ids) const;

 private:
  std::optional<TokenId> unk_;
  TokenIndex index_;
};

}  // namespace lm
