#include "text/tokenizer.h"

#include "base/error.h"
#include "text/segment_encoder.h"
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
  std::string bytes;
  for (const TokenId id : ids) bytes += bytes_of(id);
  return bytes;
}

std::string_view Tokenizer::bytes_of(TokenId id) const {
  const TokenStrings& tokens = tables_->parts.tokens;
  if (id >= tokens.size()) {
    throw Error("token id " + std::to_string(id) + " is outside the vocabulary of " + std::to_string(tokens.size()));
  }
  return tokens[id];
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
  const char first = bytes.front();
  return first == ' ' || (first >= '\t' && first <= '\r');
}

bool Tokenizer::is_special(TokenId id) const {
  bytes_of(id);  // checks the range
  return tables_->special[id];
}

bool Tokenizer::leaves_tokens_out() const { return !tables_->parts.tokens_around_text.empty(); }

std::vector<std::string> Tokenizer::notes() const {
  if (!leaves_tokens_out()) return {};
  return {"the tokenizer is meant to put " + tables_->parts.tokens_around_text +
          " each text (its post-processor); text is used here without"};
}

std::optional<TokenId> Tokenizer::id_of(std::string_view special_name) const {
  for (const AddedToken& token : tables_->parts.added) {
    if (tables_->parts.tokens[token.id] == special_name) return token.id;
  }
  return std::nullopt;
}

}  // namespace lm
