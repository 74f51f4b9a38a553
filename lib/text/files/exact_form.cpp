#include "text/files/exact_form.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "base/base64.h"
#include "base/error.h"
#include "base/little_endian.h"

namespace lm {

namespace {

constexpr const char* kByRank = "tiktoken";

[[noreturn]] void refuse_exact(std::string_view source, const std::string& key) {
  throw Error("invalid tokenizer '" + std::string(source) + "': '" + key + "' of 'lm_exact' is not what it should be");
}

std::string exact_text(const JsonValue& exact, const std::string& key, std::string_view source) {
  const JsonValue* value = exact.find(key);
  if (value == nullptr || value->is_null()) return {};
  if (value->if_string() == nullptr) refuse_exact(source, key);
  return *value->if_string();
}

bool exact_flag(const JsonValue& exact, const std::string& key, std::string_view source) {
  const JsonValue* value = exact.find(key);
  if (value != nullptr && value->if_bool() == nullptr) refuse_exact(source, key);
  return value != nullptr && *value->if_bool();
}

void read_scores(const std::string& text, std::string_view source, TokenizerParts& parts) {
  const std::optional<std::string> bytes = from_base64(text);
  if (!bytes || bytes->size() % sizeof(double) != 0) refuse_exact(source, "scores");
  parts.scores.clear();
  for (std::size_t at = 0; at < bytes->size(); at += sizeof(double))
    parts.scores.push_back(std::bit_cast<double>(load_little<std::uint64_t>(bytes->data() + at)));
  if (std::any_of(parts.scores.begin(), parts.scores.end(), [](double score) { return std::isnan(score); }))
    refuse_exact(source, "scores");
}

void read_kinds(const std::string& digits, std::string_view source, TokenizerParts& parts) {
  parts.kinds.clear();
  for (const char digit : digits) {
    if (digit < '0' || digit > '5') refuse_exact(source, "kinds");
    parts.kinds.push_back(static_cast<PieceKind>(digit - '0'));
  }
}

}  // namespace

void read_exact_form(const JsonValue& exact, std::string_view source, TokenizerParts& parts) {
  const std::string application = exact_text(exact, "application", source);
  if (application == kByRank) {
    parts.by_rank = true;
    parts.merges.clear();
    return;
  }
  const auto origin = find_choice<TokenizerParts::Origin>(application);
  if (!origin || *origin == TokenizerParts::Origin::hugging_face) refuse_exact(source, "application");
  parts.origin = *origin;
  parts.ignore_merges = exact_flag(exact, "ignore_merges", source);
  parts.byte_fallback = exact_flag(exact, "byte_fallback", source);
  parts.fuse_unknown = exact_flag(exact, "fuse_unknown", source);
  parts.partial_bytes = exact_flag(exact, "partial_bytes", source);
  parts.newline_runs = exact_flag(exact, "newline_runs", source);
  parts.word_prefix = exact_text(exact, "word_prefix", source);
  if (!parts.word_prefix.empty()) parts.subword_prefix.clear();
  if (exact.find("unknown_text") != nullptr) parts.unknown_text = exact_text(exact, "unknown_text", source);
  const auto component = [&](const char* key, JsonValue& target) {
    const JsonValue* value = exact.find(key);
    target = value == nullptr ? JsonValue() : *value;
  };
  component("normalizer", parts.components.normalizer);
  component("pre_tokenizer", parts.components.pre_tokenizer);
  component("decoder", parts.components.decoder);
  if (exact.find("scores") != nullptr) read_scores(exact_text(exact, "scores", source), source, parts);
  if (parts.kind == ModelKind::bpe && !parts.scores.empty()) parts.merges.clear();  // they are a translation of the scores
  read_kinds(exact_text(exact, "kinds", source), source, parts);
}

void check_exact_form(const TokenizerParts& parts, std::string_view source) {
  std::uint64_t needed = parts.tokens.size();
  const std::vector<bool> outside = outside_ids(parts.added, parts.tokens.size());
  while (needed > 0 && (outside[needed - 1] || parts.tokens[static_cast<TokenId>(needed - 1)].empty())) --needed;
  const auto fits = [&](std::size_t count) { return count == 0 || (count >= needed && count <= parts.tokens.size()); };
  if (!fits(parts.kinds.size())) refuse_exact(source, "kinds");
  if (!fits(parts.scores.size())) refuse_exact(source, "scores");
}

void mark_word_begins(TokenizerParts& parts) {
  const std::vector<bool> is_added = added_ids(parts.added, parts.tokens.size());
  TokenStrings tokens;
  for (TokenId id = 0; id < parts.tokens.size(); ++id) {
    const std::string_view token = parts.tokens[id];
    if (is_added[id] || token.empty()) {
      tokens.push_back(token);
    } else if (token.starts_with("##")) {
      tokens.push_back(token.substr(2));
    } else {
      tokens.push_back(parts.word_prefix + std::string(token));
    }
  }
  parts.tokens = std::move(tokens);
}

JsonValue exact_form(const TokenizerParts& parts) {
  JsonValue exact = JsonValue(JsonValue::Object());
  if (parts.by_rank) return exact.set("application", kByRank);
  if (parts.origin == TokenizerParts::Origin::hugging_face) return {};
  exact.set("application", to_string(parts.origin));
  const std::pair<const char*, bool> flags[] = {{"ignore_merges", parts.ignore_merges},
                                                {"byte_fallback", parts.byte_fallback},
                                                {"fuse_unknown", parts.fuse_unknown},
                                                {"partial_bytes", parts.partial_bytes},
                                                {"newline_runs", parts.newline_runs}};
  for (const auto& [key, value] : flags) exact.set(key, value);
  exact.set("word_prefix", parts.word_prefix);
  if (parts.unknown_text) exact.set("unknown_text", *parts.unknown_text);
  exact.set("normalizer", parts.components.normalizer);
  exact.set("pre_tokenizer", parts.components.pre_tokenizer);
  exact.set("decoder", parts.components.decoder);
  std::string scores, kinds;
  for (const double score : parts.scores) scores += little_bytes(std::bit_cast<std::uint64_t>(score));
  for (const PieceKind kind : parts.kinds) kinds += static_cast<char>('0' + static_cast<int>(kind));
  if (!scores.empty()) exact.set("scores", to_base64(scores));
  exact.set("kinds", kinds);
  return exact;
}

}  // namespace lm
