// What every tokenizer file is read into, and what the trainer makes: the common form before the tables are built.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/choice.h"
#include "base/json.h"
#include "text/pattern/pretokenizer.h"
#include "text/vocabulary/pair_table.h"
#include "text/vocabulary/piece_kind.h"
#include "text/vocabulary/token_strings.h"

namespace lm {

/// A token that is matched in text as a whole. One that is not special is matched always, a special one on request. The flags
/// have the meaning that Hugging Face's library gives them.
struct AddedToken {
  TokenId id;
  bool special;
  bool single_word = false;  // only between characters that are no part of a word
  bool lstrip = false;       // with the whitespace before it
  bool rstrip = false;       // with the whitespace after it
  bool normalized = false;   // searched for in normalized text, in its normalized form
  bool in_model = true;      // the model's vocabulary has it too

  bool is_plain() const { return !single_word && !lstrip && !rstrip; }
};

/// Returns which of `count` ids are those of added tokens.
inline std::vector<bool> added_ids(std::span<const AddedToken> added, std::size_t count) {
  std::vector<bool> is_added(count);
  for (const AddedToken& token : added) is_added[token.id] = true;
  return is_added;
}

/// Returns which of `count` ids are those of added tokens that the model does not have.
inline std::vector<bool> outside_ids(std::span<const AddedToken> added, std::size_t count) {
  std::vector<bool> is_outside(count);
  for (const AddedToken& token : added) is_outside[token.id] = !token.in_model;
  return is_outside;
}

/// The models of Hugging Face's library, by the names that a tokenizer.json gives them.
enum class ModelKind { bpe, unigram, wordpiece, wordlevel };
template <>
inline constexpr auto kChoices<ModelKind> = choice_table<ModelKind>("tokenizer model",
                                                                    {{"BPE", ModelKind::bpe},
                                                                     {"Unigram", ModelKind::unigram},
                                                                     {"WordPiece", ModelKind::wordpiece},
                                                                     {"WordLevel", ModelKind::wordlevel}});

/// The rest of a tokenizer.json, as the file has it (or as it would have it, for other files); null for what is absent.
struct TokenizerComponents {
  JsonValue normalizer, pre_tokenizer, post_processor, decoder;
  JsonValue truncation, padding;  // not used here, and kept
  std::string config;             // the text of tokenizer_config.json, with the chat template
};

struct TokenizerParts {
  /// bytes: byte-level BPE, whose tokens are byte strings and whose pretokens a scanner finds. spelled: everything else; the
  /// tokens are spelled as the model has them ("▁the", "##ing", "<0x0A>").
  enum class Form { bytes, spelled };
  /// Whose rules the model follows where they differ.
  enum class Origin { hugging_face, sentencepiece, llama_cpp };

  Form form = Form::bytes;
  ModelKind kind = ModelKind::bpe;
  Pattern pattern = Pattern::gpt2;  // of the form bytes
  /// tiktoken: any neighbours whose concatenation is a token merge, the lowest id first; no merges then.
  bool by_rank = false;
  bool ignore_merges = false;  // a whole pretoken that is a token is that token, whatever the merges say
  TokenStrings tokens;         // bytes by id, or spellings by id
  std::vector<AddedToken> added;
  std::vector<MergePair> merges;

  std::optional<TokenId> unknown = {};           // what text without a token becomes; empty: nothing
  std::optional<std::string> unknown_text = {};  // what decoding writes for it, if not its spelling
  bool fuse_unknown = false;                     // neighbouring unknown characters become one token
  bool byte_fallback = false;                    // such text becomes the tokens "<0x00>" to "<0xFF>" of its bytes
  bool partial_bytes = false;                    // bytes without a token are left out, not the whole character
  bool newline_runs = false;                     // ignore_merges counts for pretokens of nothing but newlines
  Origin origin = Origin::hugging_face;
  std::vector<double> scores = {};         // of a unigram model, and of BPE by score
  std::vector<PieceKind> kinds = {};       // by id, of a SentencePiece vocabulary; empty: normal
  std::string subword_prefix = {};         // of tokens inside a word ("##")
  std::string word_prefix = {};            // goes before each word ("▁" of llama.cpp's WordPiece)
  std::string word_suffix = {};            // of tokens that end a word ("</w>")
  std::int64_t max_word_characters = 100;  // a longer word is unknown (WordPiece)

  TokenizerComponents components = {};
  std::string end_of_text = {};           // the name that the file states; empty: a known one
  std::optional<std::string> begin = {};  // the name of what precedes texts, or "none"; empty: as the post-processor says
};

template <>
inline constexpr auto kChoices<TokenizerParts::Origin> =
    choice_table<TokenizerParts::Origin>("origin", {{"hugging-face", TokenizerParts::Origin::hugging_face},
                                                    {"sentencepiece", TokenizerParts::Origin::sentencepiece},
                                                    {"llama.cpp", TokenizerParts::Origin::llama_cpp}});

}  // namespace lm
