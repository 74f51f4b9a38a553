// ForeignVocabulary: what SentencePiece's models, GGUF files and vocab.txt are read into.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/token.h"
#include "text/tokenizer_parts.h"
#include "text/vocabulary/pair_table.h"
#include "text/vocabulary/piece_kind.h"
#include "text/vocabulary/token_strings.h"

namespace lm {

/// A vocabulary and its pipeline. The pipeline is written as tokenizer.json's components are, so that export only has to write
/// them down. ("SentencePiece" and "LlamaCppBert" are normalizers of our own.)
struct ForeignVocabulary {
  enum class Model { bpe_bytes, bpe_characters, unigram, wordpiece, wordlevel };
  Model model = Model::bpe_bytes;
  TokenizerParts::Origin origin = TokenizerParts::Origin::hugging_face;

  TokenStrings tokens;           // spellings, as the file has them (bpe_bytes: in ByteLevel characters)
  std::vector<float> scores;     // one for each token, or none
  std::vector<PieceKind> kinds;  // one for each token, or none
  std::vector<MergePair> merges;

  // How the model is applied: the members of CharacterBpeOptions, UnigramOptions and WordPieceOptions of the same names.
  bool by_scores = false;
  bool byte_fallback = false;
  bool partial_bytes = false;
  bool fuse_unk = false;
  bool ignore_merges = false;
  bool newline_runs = false;
  std::string continuing_subword_prefix;
  std::string word_prefix;
  std::uint64_t max_input_chars_per_word = std::numeric_limits<std::uint64_t>::max();

  JsonValue normalizer;     // null: none
  JsonValue pre_tokenizer;  // null: none
  JsonValue decoder;        // null: none
  std::vector<AddedToken> added;

  std::optional<TokenId> bos, eos, unk, sep, pad, cls, mask;
  // For filling in the middle, and for the files of a repository, if they are named.
  std::optional<TokenId> fim_prefix, fim_suffix, fim_middle, fim_pad, fim_repository, fim_file;
  bool add_bos = false;          // at the beginning of a text
  bool add_eos = false;          // at its end
  bool add_sep = false;          // at its end, between texts and for pairs of texts
  bool clean_up_spaces = false;  // decoding removes blanks before punctuation and contractions
  std::string chat_template;
  std::optional<std::string> unk_surface;  // what decoding writes for the unknown token, unless its spelling
};

}  // namespace lm
