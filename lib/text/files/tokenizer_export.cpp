#include "text/files/tokenizer_export.h"

#include "base/base64.h"
#include "base/error.h"
#include "base/json.h"
#include "text/files/rank_merges.h"
#include "text/tokenizer_tables.h"
#include "text/vocabulary/byte_level.h"

namespace lm {

namespace {

[[noreturn]] void refuse_export(std::string_view target, const std::string& form, const std::string& why) {
  throw Error("cannot write '" + std::string(target) + "': " + form + " cannot hold this tokenizer: " + why +
              "; write a tokenizer.json");
}

void require_merges(const Tokenizer& tokenizer, std::string_view target) {
  if (!has_vocabulary_and_merges(tokenizer))
    refuse_export(target, "vocab.json and merges.txt", "it is not byte-level BPE that a list of merges describes");
}

}  // namespace

bool has_vocabulary_and_merges(const Tokenizer& tokenizer) {
  const TokenizerParts& parts = tokenizer.tables().parts;
  return parts.form == TokenizerParts::Form::bytes && !parts.by_rank;
}

std::string vocabulary_json(const Tokenizer& tokenizer, std::string_view target) {
  require_merges(tokenizer, target);
  const TokenizerParts& parts = tokenizer.tables().parts;
  const std::vector<bool> is_added = added_ids(parts.added, parts.tokens.size());
  std::string json = "{";
  const char* separator = "\n";
  for (TokenId id = 0; id < parts.tokens.size(); ++id) {
    if (parts.tokens[id].empty()) continue;
    const std::string spelling = is_added[id] ? std::string(parts.tokens[id]) : to_byte_level(parts.tokens[id]);
    json += separator + json_quote(spelling) + ":" + std::to_string(id);
    separator = ",\n";
  }
  return json + "}\n";
}

std::string merges_text(const Tokenizer& tokenizer, std::string_view target) {
  require_merges(tokenizer, target);
  const TokenizerParts& parts = tokenizer.tables().parts;
  std::string text = "#version: 0.2\n";
  for (const MergePair& merge : parts.merges)
    text += to_byte_level(parts.tokens[merge.left]) + " " + to_byte_level(parts.tokens[merge.right]) + "\n";
  return text;
}

std::string tiktoken_text(const Tokenizer& tokenizer, std::string_view target) {
  const TokenizerTables& tables = tokenizer.tables();
  std::string why_not;
  if (!is_ranked(tables, why_not)) refuse_export(target, "a .tiktoken file", why_not);
  std::string text;
  for (TokenId id = 0; id < tables.parts.tokens.size() && !tables.special[id]; ++id)
    text += to_base64(tables.parts.tokens[id]) + " " + std::to_string(id) + "\n";
  return text;
}

}  // namespace lm
