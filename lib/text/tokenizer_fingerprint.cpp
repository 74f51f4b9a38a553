#include "text/tokenizer_fingerprint.h"

#include <algorithm>
#include <bit>
#include <string>

#include "base/little_endian.h"

namespace lm {

namespace {

/// Hashes numbers and texts as lm-tokenizer(5) says.
class FingerprintHasher {
 public:
  void number(std::uint64_t value) { take(little_bytes(static_cast<std::uint32_t>(value))); }
  void text(std::string_view value) {
    number(value.size());
    take(value);
  }
  void flag(bool value) { take(value ? std::string_view("\1", 1) : std::string_view("\0", 1)); }
  void real(double value) { take(little_bytes(std::bit_cast<std::uint64_t>(value))); }
  Fingerprint digest() {
    hasher_.update(bytes_.data(), bytes_.size());
    bytes_.clear();
    return hasher_.digest128();
  }

 private:
  void take(std::string_view bytes) {
    bytes_ += bytes;
    if (bytes_.size() < 65536) return;
    hasher_.update(bytes_.data(), bytes_.size());
    bytes_.clear();
  }
  Hasher hasher_;
  std::string bytes_;
};

/// Returns whether a token is special here, and is not by what the files say.
bool is_reserved(const TokenizerTables& tables, TokenId id) {
  return std::binary_search(tables.reserved.begin(), tables.reserved.end(), id);
}

bool is_empty_sequence(const JsonValue& normalizer) {
  const JsonValue* steps = normalizer.find("normalizers");
  return steps != nullptr && steps->if_array() != nullptr && steps->if_array()->empty();
}

/// Returns whether version 1 knew the pattern.
bool is_early(Pattern pattern) { return pattern <= Pattern::o200k || pattern == Pattern::none; }

bool is_version_1(const TokenizerTables& tables) {
  const TokenizerParts& parts = tables.parts;
  const JsonValue& normalizer = parts.components.normalizer;
  return parts.form == TokenizerParts::Form::bytes && tables.has_all_bytes && is_early(parts.pattern) &&
         (normalizer.is_null() || is_empty_sequence(normalizer)) &&
         std::all_of(parts.added.begin(), parts.added.end(), [](const AddedToken& token) { return token.is_plain(); });
}

void hash_tokens(FingerprintHasher& hasher, const TokenizerTables& tables) {
  const TokenizerParts& parts = tables.parts;
  hasher.number(parts.tokens.size());
  for (TokenId id = 0; id < parts.tokens.size(); ++id) {
    hasher.text(parts.tokens[id]);
    hasher.flag(tables.special[id] && !is_reserved(tables, id));
  }
  hasher.number(parts.merges.size());
  for (const MergePair& merge : parts.merges) {
    hasher.number(merge.left);
    hasher.number(merge.right);
  }
}

/// Returns the value with the members of objects in the order of their names, without those that are null and those that do
/// not change ids.
JsonValue canonical(const JsonValue& value) {
  if (value.if_array() != nullptr) {
    JsonValue::Array elements;
    for (const JsonValue& element : *value.if_array()) elements.push_back(canonical(element));
    return JsonValue(std::move(elements));
  }
  if (value.if_object() == nullptr) return value;
  JsonValue::Object members;
  for (const JsonValue::Member& member : *value.if_object()) {
    if (!member.second.is_null() && member.first != "trim_offsets")
      members.emplace_back(member.first, canonical(member.second));
  }
  std::sort(members.begin(), members.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  return JsonValue(std::move(members));
}

void hash_added(FingerprintHasher& hasher, const TokenizerTables& tables) {
  std::vector<AddedToken> added = tables.parts.added;
  std::sort(added.begin(), added.end(), [](const AddedToken& a, const AddedToken& b) { return a.id < b.id; });
  hasher.number(added.size());
  for (const AddedToken& token : added) {
    hasher.number(token.id);
    hasher.number((token.special && !is_reserved(tables, token.id) ? 1U : 0U) | (token.single_word ? 2U : 0U) |
                  (token.lstrip ? 4U : 0U) | (token.rstrip ? 8U : 0U) | (token.normalized ? 16U : 0U));
  }
}

void hash_model(FingerprintHasher& hasher, const TokenizerParts& parts) {
  for (const bool option : {parts.by_rank, parts.ignore_merges, parts.byte_fallback, parts.partial_bytes, parts.fuse_unknown,
                            parts.newline_runs})
    hasher.flag(option);
  hasher.number(parts.unknown ? std::uint64_t{*parts.unknown} + 1 : 0);
  hasher.text(parts.subword_prefix);
  hasher.text(parts.word_prefix);
  hasher.text(parts.word_suffix);
  hasher.number(parts.kind == ModelKind::wordpiece ? static_cast<std::uint64_t>(parts.max_word_characters) : 0);
  hasher.number(parts.scores.size());
  for (const double score : parts.scores) hasher.real(score);
  hasher.number(parts.kinds.size());
  for (const PieceKind kind : parts.kinds) hasher.number(static_cast<std::uint64_t>(kind));
}

Fingerprint version_1(const TokenizerTables& tables) {
  FingerprintHasher hasher;
  hasher.number(tables.parts.by_rank ? 1 : 0);
  hasher.text(to_string(tables.parts.pattern));
  hasher.text("");  // the normalizer: none
  hasher.number(tables.parts.ignore_merges ? 1 : 0);
  hash_tokens(hasher, tables);
  return hasher.digest();
}

Fingerprint version_2(const TokenizerTables& tables) {
  const TokenizerParts& parts = tables.parts;
  const bool bytes = parts.form == TokenizerParts::Form::bytes;
  FingerprintHasher hasher;
  hasher.number(2);
  hasher.text(to_string(parts.kind));
  hasher.text(to_string(parts.origin));
  hasher.text(bytes ? to_string(parts.pattern) : "");
  hasher.text(canonical(parts.components.normalizer).dump());
  hasher.text(bytes ? "" : canonical(parts.components.pre_tokenizer).dump());
  hasher.text(bytes ? "" : canonical(parts.components.decoder).dump());
  for (const std::vector<TokenId>* ids : {&tables.around.before, &tables.around.after}) {
    hasher.number(ids->size());
    for (const TokenId id : *ids) hasher.number(id);
  }
  hash_model(hasher, parts);
  hash_added(hasher, tables);
  hash_tokens(hasher, tables);
  return hasher.digest();
}

}  // namespace

Fingerprint fingerprint_of(const TokenizerTables& tables) {
  return is_version_1(tables) ? version_1(tables) : version_2(tables);
}

}  // namespace lm
