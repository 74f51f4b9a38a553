// The tokenizer: bytes to ids and back, with any model and from every file format we read.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/choice.h"
#include "base/token.h"
#include "base/token_codec.h"
#include "base/token_table.h"
#include "text/pattern/pretokenizer.h"

namespace lm {

/// What text that spells a special token becomes: plain text, the token, or an Error.
enum class SpecialTokens { plain, allow, error };
template <>
inline constexpr auto kChoices<SpecialTokens> = choice_table<SpecialTokens>("treatment of special tokens",
                                                                            {{"plain", SpecialTokens::plain},
                                                                             {"allow", SpecialTokens::allow},
                                                                             {"error", SpecialTokens::error}});

struct TokenizerOptions {
  /// The pattern that cuts text into pretokens, for files that may not state it: a folder's vocab.json and merges.txt
  /// (default: that of the class which the folder names), a .tiktoken file (default: by its name). Other files must have the
  /// same one.
  std::optional<Pattern> pattern = {};
  /// The end-of-text token's name; empty: the one that the files name, else found in a table of known names.
  std::string end_of_text = {};
  /// The name of the token that precedes each text, or "none"; empty: what the tokenizer's post-processor says.
  std::optional<std::string> begin = {};
  /// Names of added tokens that no text spells, whether or not the files call them special: here they are. The fingerprint
  /// does not depend on it.
  std::vector<std::string> reserved = {};
};

struct TokenizerParts;   // text/tokenizer_parts.h: what the file formats are read into
struct TokenizerTables;  // text/tokenizer_tables.h: what encoding needs

/// Immutable once loaded, so threads may share one. decode(encode(x)) == x for any bytes, unless loses_text().
class Tokenizer final : public TokenCodec, public TokenTable {
 public:
  /// Throws Error if the parts do not make a tokenizer: duplicates, no end-of-text, a component that is not known.
  Tokenizer(TokenizerParts parts, const TokenizerOptions& options, std::string_view source);
  Tokenizer(Tokenizer&&) noexcept;
  Tokenizer& operator=(Tokenizer&&) noexcept;
  ~Tokenizer() override;

  /// Reads any file or folder of lm-tokenizer(5). Throws Error.
  /// (Models carry a tokenizer.json inside: read it and call from_json().)
  static Tokenizer load(const std::string& path, const TokenizerOptions& options = {});
  /// Reads the text of a whole tokenizer.json; `source` names it in messages.
  static Tokenizer from_json(std::string_view text, std::string_view source, const TokenizerOptions& options = {});
  /// Returns a tokenizer.json that Hugging Face's library loads with the same ids; of a tokenizer that was read from one all
  /// its components as they came. Throws Error if two tokens would be spelled alike.
  std::string to_json() const;
  /// Returns the same for the folder of a model that was made here: other libraries, too, put opening() before each text, and
  /// nothing after it. It is read here as the same tokenizer.
  std::string to_folder_json() const;
  /// Returns the text of the tokenizer_config.json that came with it; empty if none did.
  const std::string& config_json() const;
  /// Throws Error unless `json` is read as this tokenizer again; `target` is where it is written.
  void check_read_back(std::string_view json, std::string_view target) const;

  /// Returns the identity that token streams carry (lm-tokens(5)), the hash of what lm-tokenizer(5) says.
  const Fingerprint& fingerprint() const;

  std::vector<TokenId> encode(std::string_view bytes) const override { return encode(bytes, SpecialTokens::plain); }
  bool keeps_parts() const override;
  /// Encodes any bytes. Throws Error under SpecialTokens::error, naming the first special token spelled in `bytes`.
  std::vector<TokenId> encode(std::string_view bytes, SpecialTokens special) const;
  /// Returns the text of the ids, special tokens spelled, as Hugging Face's decoders make it. Throws Error for an id outside
  /// the vocabulary.
  std::string decode(const std::vector<TokenId>& ids) const;

  /// Returns the bytes that a token stands for in the middle of a text; empty for an id that the vocabulary leaves unused.
  std::string_view bytes_of(TokenId id) const override;
  std::int64_t vocab_size() const override;
  TokenId end_of_text() const override;
  std::int64_t byte_length(TokenId id) const override;
  bool begins_word(TokenId id) const override;
  bool is_special(TokenId id) const override;
  /// Returns the token that stands for text without one, if there is such text and such a token.
  std::optional<TokenId> unknown_token() const;
  /// Returns the id of a special token by its spelling ("<|mask|>").
  std::optional<TokenId> id_of(std::string_view special_name) const;

  /// Returns the token of a name, special or not: of its bytes (" the"), or of how a tokenizer.json spells these ("Ġthe",
  /// "▁the").
  std::optional<TokenId> find(std::string_view name) const;
  /// Returns the names of tokens that `name`, which no token has, was probably meant to be, special ones if there are such.
  std::vector<std::string> similar_tokens(const std::string& name) const;

  /// Returns what precedes each text: the tokens that TokenizerOptions::begin or else the post-processor names, except end-of-text,
  /// which is between texts anyway.
  const std::vector<TokenId>& begin_tokens() const;
  /// Returns all of the tokens that these name, as other programs put them before a text.
  const std::vector<TokenId>& stated_begin() const;
  /// Returns whether TokenizerOptions::begin names a token.
  bool names_begin() const;
  /// Returns the tokens that the first one of a text is predicted from: begin_tokens(), or end-of-text if there are none;
  /// nothing if TokenizerOptions::begin is "none".
  std::vector<TokenId> opening() const;
  /// Returns the tokens that the post-processor puts after each text. Only masked models, which see the end of a text before
  /// they predict it, are given them.
  const std::vector<TokenId>& closing() const;
  /// Returns whether decoding cannot give back every text: it is normalized, or characters or bytes have no token.
  bool loses_text() const;
  /// Returns what the user of this tokenizer should know, a sentence each; usually nothing.
  const std::vector<std::string>& notes() const;
  /// Returns the same about closing(), if that is left out; empty if there is none.
  const std::string& closing_note() const;

  const TokenizerTables& tables() const { return *tables_; }

 private:
  std::unique_ptr<TokenizerTables> tables_;
};

/// Encodes one document after the other in bounded memory (a constant plus a multiple of the longest pretoken). However the
/// bytes are cut into calls, the ids are those of Tokenizer::encode of the whole. The tokenizer must outlive it. Each thread
/// needs its own.
class StreamEncoder {
 public:
  StreamEncoder(const Tokenizer& tokenizer, SpecialTokens special);
  StreamEncoder(StreamEncoder&&) noexcept;
  ~StreamEncoder();
  /// Takes more bytes of the document and appends to `ids` what has become certain.
  void feed(std::string_view bytes, std::vector<TokenId>& ids);
  /// Ends the document: appends the rest. The next feed() starts a new one. No begin or end-of-text token is added.
  void finish(std::vector<TokenId>& ids);
  /// Returns how many bytes had no token and left nothing or, of a tokenizer that has tokens for bytes, the unknown token.
  std::uint64_t unknown_bytes() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Turns tokens into text one by one, as Tokenizer::decode() does with all of a document. The tokenizer must outlive it.
class StreamDecoder {
 public:
  explicit StreamDecoder(const Tokenizer& tokenizer);
  StreamDecoder(StreamDecoder&&) noexcept;
  ~StreamDecoder();
  /// Appends to `text` what has become certain. Throws Error for an id outside the vocabulary.
  void feed(TokenId id, std::string& text);
  /// Ends the document: appends the rest. The next feed() starts a new one.
  void finish(std::string& text);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

enum class ReservedTokens { all, end_of_text_only };
/// Returns the names of the toolkit's reserved special tokens in the order of their ids: end-of-text, pad, mask, three for
/// infilling, 100 sentinels; or only the first.
std::vector<std::string> reserved_special_tokens(ReservedTokens which);

}  // namespace lm
