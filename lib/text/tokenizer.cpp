#include "text/tokenizer.h"

#include "base/error.h"
#include "base/suggest.h"
#include "base/utf8.h"
#include "text/segment_encoder.h"
#include "text/special_names.h"
#include "text/tokenizer_build.h"
#include "text/tokenizer_tables.h"

namespace lm {

std::vector<std::string> reserved_special_tokens(ReservedTokens which) {
  std::vector<std::string> names = {"<|endoftext|>"};
  if (which == ReservedTokens::end_of_text_only) return names;
  for (const char* name : {"<|pad|>", "<|mask|>", "<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"})
    names.emplace_back(name);
  for (int i = 0; i < 100; ++i) names.push_back("<|extra_" + std::to_string(i) + "|>");
  return names;
}

Tokenizer::Tokenizer(TokenizerParts parts, const TokenizerOptions& options, std::string_view source)
    : tables_(build_tables(std::move(parts), options, source)) {}
Tokenizer::Tokenizer(Tokenizer&&) noexcept = default;
Tokenizer& Tokenizer::operator=(Tokenizer&&) noexcept = default;
Tokenizer::~Tokenizer() = default;

const Fingerprint& Tokenizer::fingerprint() const { return tables_->fingerprint; }

std::vector<TokenId> Tokenizer::encode(std::string_view bytes, SpecialTokens special) const {
  // A cache of some megabytes pays for itself only on long texts.
  constexpr std::size_t kLong = std::size_t{1} << 17;
  SegmentEncoder encoder(*tables_, special, bytes.size() >= kLong ? PieceEncoder::Cache::used : PieceEncoder::Cache::none);
  std::vector<TokenId> ids;
  encoder.encode(bytes, SegmentEncoder::End::final, 0, ids);
  return ids;
}

std::string Tokenizer::decode(const std::vector<TokenId>& ids) const {
  std::string text;
  StreamDecoder decoder(*this);
  for (const TokenId id : ids) decoder.feed(id, text);
  decoder.finish(text);
  return text;
}

std::string_view Tokenizer::bytes_of(TokenId id) const {
  const TokenizerParts& parts = tables_->parts;
  if (id >= parts.tokens.size()) {
    throw Error("token id " + std::to_string(id) + " is outside the vocabulary of " + std::to_string(parts.tokens.size()));
  }
  return parts.form == TokenizerParts::Form::bytes ? parts.tokens[id] : tables_->texts[id];
}

std::int64_t Tokenizer::vocab_size() const { return tables_->parts.tokens.size(); }
TokenId Tokenizer::end_of_text() const { return tables_->end_of_text; }

std::int64_t Tokenizer::byte_length(TokenId id) const {
  const std::string_view bytes = bytes_of(id);
  return tables_->special[id] ? 0 : static_cast<std::int64_t>(bytes.size());
}

bool Tokenizer::begins_word(TokenId id) const {
  const std::string_view bytes = bytes_of(id);
  if (tables_->special[id]) return id == tables_->end_of_text;
  if (bytes.empty()) return false;
  // Of WordPiece every token begins a word that is not marked as the rest of one.
  const TokenizerParts& parts = tables_->parts;
  if (parts.kind == ModelKind::wordpiece && !parts.subword_prefix.empty())
    return !std::string_view(parts.tokens[id]).starts_with(parts.subword_prefix);
  const char first = bytes.front();
  return first == ' ' || (first >= '\t' && first <= '\r');
}

bool Tokenizer::is_special(TokenId id) const {
  bytes_of(id);  // checks the range
  return tables_->special[id];
}

const std::vector<TokenId>& Tokenizer::begin_tokens() const { return tables_->begin_tokens; }

const std::vector<TokenId>& Tokenizer::stated_begin() const { return tables_->stated_begin; }

bool Tokenizer::names_begin() const { return tables_->names_begin; }

std::vector<TokenId> Tokenizer::opening() const {
  const bool takes_end = tables_->begin_tokens.empty() && !tables_->opens_with_nothing;
  return takes_end ? std::vector<TokenId>{end_of_text()} : tables_->begin_tokens;
}

bool Tokenizer::keeps_parts() const {
  return tables_->parts.form == TokenizerParts::Form::bytes && !loses_text() && tables_->normalizer.is_identity();
}

const std::vector<TokenId>& Tokenizer::closing() const { return tables_->around.after; }
bool Tokenizer::loses_text() const { return tables_->loses_text; }
const std::vector<std::string>& Tokenizer::notes() const { return tables_->notes; }
const std::string& Tokenizer::closing_note() const { return tables_->closing_note; }

std::optional<TokenId> Tokenizer::unknown_token() const {
  const bool complete = tables_->parts.form == TokenizerParts::Form::bytes && tables_->has_all_bytes;
  return complete ? std::nullopt : tables_->parts.unknown;
}

std::optional<TokenId> Tokenizer::id_of(std::string_view special_name) const {
  for (const AddedToken& token : tables_->parts.added) {
    if (tables_->parts.tokens[token.id] == special_name) return token.id;
  }
  return std::nullopt;
}

std::optional<TokenId> Tokenizer::find(std::string_view name) const {
  const TokenStrings& tokens = tables_->parts.tokens;
  if (name.empty()) return std::nullopt;
  if (const std::optional<TokenId> id = find_token(tokens, name)) return id;
  if (tables_->parts.form == TokenizerParts::Form::spelled) return find_token(tables_->texts, name);
  const std::optional<std::string> bytes = bytes_spelled_as(name);
  return bytes ? find_token(tokens, *bytes) : std::nullopt;
}

std::vector<std::string> Tokenizer::similar_tokens(const std::string& name) const {
  std::vector<std::string> similar = similar_special_tokens(tables_->parts, name);
  if (!similar.empty()) return similar;
  std::vector<std::string> texts;
  for (TokenId id = 0; id < vocab_size(); ++id) {
    if (const std::string_view text = bytes_of(id); !text.empty() && is_utf8(text)) texts.emplace_back(text);
  }
  return similar_words(name, texts);
}

struct StreamDecoder::State {
  const Tokenizer& tokenizer;
  bool by_bytes;
  TokenDecoder::State decoder = {};
  bool begun = false;
  bool drops_space = false;  // SentencePiece: nothing has been written, and spaces are left out

  std::string_view spelling(TokenId id);
};

/// Returns how the decoder gets a token.
std::string_view StreamDecoder::State::spelling(TokenId id) {
  constexpr std::string_view kSpace = "\xE2\x96\x81";
  const TokenizerTables& tables = tokenizer.tables();
  const TokenizerParts& parts = tables.parts;
  const auto normal = tables.normal_spellings.find(id);
  if (parts.unknown_text && parts.unknown == id) {
    drops_space = false;
    return *parts.unknown_text;
  }
  std::string_view spelling = normal != tables.normal_spellings.end() ? std::string_view(normal->second) : parts.tokens[id];
  if (!drops_space) return spelling;
  const bool dropped = !tables.special[id] && spelling.starts_with(kSpace);
  if (dropped) spelling.remove_prefix(kSpace.size());
  if (!spelling.empty() || (dropped && !tables.drops_first_spaces)) drops_space = false;
  return spelling;
}

StreamDecoder::StreamDecoder(const Tokenizer& tokenizer)
    : state_(new State{.tokenizer = tokenizer, .by_bytes = tokenizer.tables().parts.form == TokenizerParts::Form::bytes}) {}
StreamDecoder::StreamDecoder(StreamDecoder&&) noexcept = default;
StreamDecoder::~StreamDecoder() = default;

void StreamDecoder::feed(TokenId id, std::string& text) {
  const std::string_view bytes = state_->tokenizer.bytes_of(id);
  if (state_->by_bytes) {
    text += bytes;
    return;
  }
  const TokenizerTables& tables = state_->tokenizer.tables();
  if (!state_->begun) {
    tables.decoder.begin(state_->decoder);
    state_->drops_space = tables.drops_first_space;
  }
  state_->begun = true;
  const std::string_view spelling = state_->spelling(id);
  if (!spelling.empty()) tables.decoder.feed(state_->decoder, spelling, text);
}

void StreamDecoder::finish(std::string& text) {
  if (state_->begun) state_->tokenizer.tables().decoder.finish(state_->decoder, text);
  state_->begun = false;
}

}  // namespace lm
