#include "text/files/translation.h"

#include <algorithm>
#include <string>
#include <string_view>

#include "base/utf8.h"
#include "text/files/json_steps.h"
#include "text/pattern/pretokenizer.h"
#include "text/vocabulary/token_strings.h"

namespace lm {

namespace {

using Origin = TokenizerParts::Origin;

std::string escaped(std::string_view text) {
  std::string expression;
  for (const char c : text) {
    if (std::string_view("\\^$.|?*+()[]{}-").find(c) != std::string_view::npos) expression += '\\';
    expression += c;
  }
  return expression;
}

/// SentencePiece's normalizer as a sequence of Hugging Face's. (They put the prefix before each text between added tokens.)
JsonValue translated_normalizer(const JsonValue& exact) {
  JsonValue::Array steps;
  const JsonValue* charsmap = exact.find("precompiled_charsmap");
  if (charsmap != nullptr && charsmap->if_string() != nullptr && !charsmap->if_string()->empty()) {
    JsonValue precompiled = json_step("Precompiled");
    precompiled.set("precompiled_charsmap", *charsmap);
    steps.push_back(precompiled);
  }
  if (json_is_set(exact, "remove_extra_whitespaces")) {
    steps.push_back(json_replace_matches("\\A +| +\\z", ""));
    steps.push_back(json_replace_matches(" {2,}", " "));
  }
  const bool escapes = json_is_set(exact, "escape_whitespaces");
  if (json_is_set(exact, "add_dummy_prefix") && json_is_set(exact, "treat_whitespace_as_suffix")) {
    steps.push_back(json_replace_matches("(?<=[\\s\\S])\\z", " "));
  } else if (json_is_set(exact, "add_dummy_prefix")) {
    JsonValue prepend = json_step("Prepend");
    prepend.set("prepend", " ");
    steps.push_back(prepend);
  }
  if (escapes) steps.push_back(json_replace(" ", kSpaceSymbol));
  return steps.empty() ? JsonValue() : json_sequence("normalizers", std::move(steps));
}

/// Cuts out the pieces that SentencePiece never merges.
JsonValue isolated_pieces(const TokenizerParts& parts) {
  std::vector<std::string_view> pieces;
  for (TokenId id = 0; id < parts.kinds.size(); ++id) {
    if (parts.kinds[id] == PieceKind::user_defined) pieces.push_back(parts.tokens[id]);
  }
  if (pieces.empty()) return {};
  std::sort(pieces.begin(), pieces.end(),
            [](std::string_view a, std::string_view b) { return a.size() != b.size() ? a.size() > b.size() : a < b; });
  std::string expression;
  for (const std::string_view piece : pieces) expression += (expression.empty() ? "" : "|") + escaped(piece);
  return json_split(expression);
}

/// Returns the merges of a vocabulary that merges by scores: of the likelier token first. (They decide as scores do, except
/// between ways to make one token.)
std::vector<MergePair> merges_by_score(const TokenizerParts& parts) {
  TokenIndex index;
  index.reset(parts.tokens, parts.tokens.size());
  std::vector<TokenId> order;
  for (TokenId id = 0; id < parts.tokens.size() && id < parts.scores.size(); ++id) {
    if (parts.tokens[id].empty() || (!parts.kinds.empty() && parts.kinds[id] != PieceKind::normal)) continue;
    if (index.insert(id)) order.push_back(id);
  }
  std::stable_sort(order.begin(), order.end(), [&](TokenId a, TokenId b) { return parts.scores[a] > parts.scores[b]; });
  std::size_t longest = 0;
  for (const TokenId id : order) longest = std::max(longest, parts.tokens[id].size());
  std::vector<bool> lengths(longest + 1);
  for (const TokenId id : order) lengths[parts.tokens[id].size()] = true;
  std::vector<MergePair> merges;
  for (const TokenId id : order) {
    const std::string_view token = parts.tokens[id];
    for (std::size_t cut = 1; cut < token.size(); ++cut) {
      if ((static_cast<unsigned char>(token[cut]) & 0xC0) == 0x80 || !lengths[cut] || !lengths[token.size() - cut]) continue;
      const std::optional<TokenId> left = index.find(token.substr(0, cut)), right = index.find(token.substr(cut));
      if (left && right) merges.push_back({*left, *right});
    }
  }
  return merges;
}

}  // namespace

Translation translate(const TokenizerParts& parts) {
  Translation result{.components = parts.components,
                     .unknown = parts.unknown,
                     .fuse_unknown = parts.fuse_unknown,
                     .ignore_merges = parts.ignore_merges};
  TokenizerComponents& components = result.components;
  if (parts.form == TokenizerParts::Form::bytes) {
    if (components.pre_tokenizer.is_null()) components.pre_tokenizer = pre_tokenizer_json(parts.pattern);
    if (components.decoder.is_null()) {
      components.decoder = json_step("ByteLevel");
      components.decoder.set("add_prefix_space", true).set("trim_offsets", true).set("use_regex", true);
    }
    return result;
  }
  if (parts.origin == Origin::hugging_face) return result;
  if (json_string_in(components.normalizer, "type") == "SentencePiece") {
    if (parts.origin == Origin::sentencepiece) {
      const bool strips = json_is_set(components.normalizer, "add_dummy_prefix") ||
                          json_is_set(components.normalizer, "remove_extra_whitespaces");
      components.decoder = json_piece_decoder(parts.byte_fallback, strips);
    }
    components.normalizer = translated_normalizer(components.normalizer);
    components.pre_tokenizer = isolated_pieces(parts);
    result.ignore_merges = result.ignore_merges || !components.pre_tokenizer.is_null();
  }
  if (json_string_in(components.normalizer, "type") == "LlamaCppBert") {
    components.normalizer = json_step("BertNormalizer");
    for (const char* flag : {"clean_text", "handle_chinese_chars", "strip_accents", "lowercase"})
      components.normalizer.set(flag, true);
    components.pre_tokenizer = json_step("BertPreTokenizer");
    result.marks_word_begins = true;
  }
  if (parts.kind == ModelKind::bpe && !parts.scores.empty()) {
    result.merges = merges_by_score(parts);
    result.fuse_unknown = true;
  }
  return result;
}

}  // namespace lm
