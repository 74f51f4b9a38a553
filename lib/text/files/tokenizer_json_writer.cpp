// Writing a tokenizer.json.
#include "base/error.h"
#include "base/json.h"
#include "text/vocabulary/byte_level.h"
#include "text/files/tokenizer_json.h"
#include "text/special_names.h"

namespace lm {

namespace {

std::string byte_level_step(bool use_regex) {
  return std::string(R"({"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":)") +
         (use_regex ? "true}" : "false}");
}

std::string pre_tokenizer(Pattern pattern) {
  if (pattern == Pattern::gpt2) return byte_level_step(true);
  if (pattern == Pattern::none) return byte_level_step(false);
  return R"({"type":"Sequence","pretokenizers":[{"type":"Split","pattern":{"Regex":)" + json_quote(pattern_regex(pattern)) +
         R"(},"behavior":"Isolated","invert":false},)" + byte_level_step(false) + "]}";
}

/// Returns how the file spells a token: special tokens as they are, others in ByteLevel characters.
std::string spelling(const TokenizerTables& tables, const std::vector<bool>& is_added, TokenId id) {
  const std::string_view bytes = tables.parts.tokens[id];
  return json_quote(is_added[id] ? std::string(bytes) : to_byte_level(bytes));
}

/// Throws Error if two tokens would be spelled alike. Added tokens are spelled as they are, so that "Ġthe" would be one
/// string with the token " the".
void check_spellings(const TokenizerTables& tables, const std::vector<bool>& is_added) {
  for (const AddedToken& added : tables.parts.added) {
    const std::string_view name = tables.parts.tokens[added.id];
    const std::optional<std::string> bytes = bytes_spelled_as(name);
    const std::optional<TokenId> other = bytes ? tables.ordinary.find(*bytes) : std::nullopt;
    if (!other || is_added[*other]) continue;
    throw Error("cannot write this tokenizer as tokenizer.json: its special token '" + std::string(name) +
                "' is how the token " + json_quote(*bytes) + " is spelled there; take another name for it");
  }
}

}  // namespace

std::string write_tokenizer_json(const TokenizerTables& tables) {
  const TokenizerParts& parts = tables.parts;
  if (parts.by_rank)
    throw Error("cannot write this tokenizer as tokenizer.json: it merges by rank (tiktoken), not by a list of merges");
  std::vector<bool> is_added(parts.tokens.size());
  for (const AddedToken& added : parts.added) is_added[added.id] = true;
  check_spellings(tables, is_added);
  std::string json = "{\"version\":\"1.0\",\"truncation\":null,\"padding\":null,\n\"added_tokens\":[";
  const char* separator = "\n";
  for (const AddedToken& added : parts.added) {
    json += separator + ("{\"id\":" + std::to_string(added.id)) + ",\"content\":" + json_quote(parts.tokens[added.id]) +
            R"(,"single_word":false,"lstrip":false,"rstrip":false,"normalized":false,"special":)" +
            (tables.special[added.id] ? "true}" : "false}");
    separator = ",\n";
  }
  json += "],\n\"normalizer\":null,\n\"pre_tokenizer\":" + pre_tokenizer(parts.pattern) + ",\n\"post_processor\":null,\n";
  json += R"("decoder":{"type":"ByteLevel","add_prefix_space":true,"trim_offsets":true,"use_regex":true},)";
  json += "\n\"model\":{\"type\":\"BPE\",\"dropout\":null,\"unk_token\":null,\"continuing_subword_prefix\":null,";
  // Ours, and only if the name would not be known: Hugging Face's reader ignores keys of the model that it does not know.
  if (!parts.end_of_text.empty()) json += "\"lm_end_of_text\":" + json_quote(parts.end_of_text) + ",";
  json += R"("end_of_word_suffix":null,"fuse_unk":false,"byte_fallback":false,"ignore_merges":)";
  json += parts.ignore_merges ? "true,\n\"vocab\":{" : "false,\n\"vocab\":{";
  separator = "\n";
  for (TokenId id = 0; id < parts.tokens.size(); ++id) {
    if (parts.tokens[id].empty()) continue;
    json += separator + spelling(tables, is_added, id) + ":" + std::to_string(id);
    separator = ",\n";
  }
  json += "},\n\"merges\":[";
  separator = "\n";
  for (const MergePair& merge : parts.merges) {
    json += separator + ("[" + spelling(tables, is_added, merge.left)) + "," + spelling(tables, is_added, merge.right) + "]";
    separator = ",\n";
  }
  return json + "]}}\n";
}

}  // namespace lm
