// Writing a tokenizer.json.
#include "base/error.h"
#include "base/json.h"
#include "base/utf8.h"
#include "text/files/exact_form.h"
#include "text/files/rank_merges.h"
#include "text/files/tokenizer_json.h"
#include "text/files/translation.h"
#include "text/pattern/pretokenizer.h"
#include "text/post_processor.h"
#include "text/special_names.h"
#include "text/vocabulary/byte_level.h"

namespace lm {

namespace {

class TokenizerWriter {
 public:
  explicit TokenizerWriter(const TokenizerTables& tables)
      : tables_(tables),
        parts_(tables.parts),
        translation_(translate(parts_)),
        is_added_(added_ids(parts_.added, parts_.tokens.size())) {}
  std::string write();
  /// Puts these tokens before each text, in the libraries that go by the file.
  void open_with(const std::vector<TokenId>& opening);

 private:
  void check_spellings() const;
  std::string spelling(TokenId id) const;
  std::string quoted(TokenId id) const { return json_quote(spelling(id)); }
  void write_added();
  void write_components();
  void write_model();
  void write_own_members();
  void write_bpe_options();
  std::vector<bool> outside_model() const;
  void write_vocabulary();
  void write_scored_vocabulary();
  void write_merges();
  void member(const char* name, const JsonValue& value) { json_ += json_quote(name) + ":" + value.dump() + ","; }

  const TokenizerTables& tables_;
  const TokenizerParts& parts_;
  Translation translation_;
  std::vector<bool> is_added_;
  bool replaces_post_processor_ = false;
  std::string json_;
};

/// Returns how the file spells a token: added tokens as they are, others of the form bytes in ByteLevel characters.
std::string TokenizerWriter::spelling(TokenId id) const {
  const std::string_view token = parts_.tokens[id];
  const bool as_it_is = is_added_[id] || parts_.form == TokenizerParts::Form::spelled;
  if (translation_.marks_word_begins && !is_added_[id]) {
    constexpr std::string_view kMark = "▁";
    return token.starts_with(kMark) ? std::string(token.substr(kMark.size())) : "##" + std::string(token);
  }
  return as_it_is ? std::string(token) : to_byte_level(token);
}

/// Throws Error if two tokens would be spelled alike. Added tokens are spelled as they are, so that "Ġthe" would be one
/// string with the token " the".
void TokenizerWriter::check_spellings() const {
  for (TokenId id = 0; id < parts_.tokens.size(); ++id) {
    const bool as_it_is = is_added_[id] || parts_.form == TokenizerParts::Form::spelled;
    if (as_it_is && !is_utf8(parts_.tokens[id]))
      throw Error("cannot write this tokenizer as tokenizer.json: its token " + std::to_string(id) + " is not UTF-8");
    if (translation_.marks_word_begins && parts_.tokens[id] == "▁" && !is_added_[id])
      throw Error("cannot write this tokenizer as tokenizer.json: its token \"▁\" is spelled by nothing there");
  }
  if (parts_.form == TokenizerParts::Form::spelled) return;
  for (const AddedToken& added : parts_.added) {
    const std::string_view name = parts_.tokens[added.id];
    const std::optional<std::string> bytes = bytes_spelled_as(name);
    const std::optional<TokenId> other = bytes ? tables_.ordinary.find(*bytes) : std::nullopt;
    if (!other || is_added_[*other]) continue;
    throw Error("cannot write this tokenizer as tokenizer.json: its special token '" + std::string(name) +
                "' is how the token " + json_quote(*bytes) + " is spelled there; take another name for it");
  }
}

void TokenizerWriter::write_added() {
  json_ += "\"added_tokens\":[";
  const char* separator = "\n";
  const auto flag = [](const char* name, bool value) {
    return std::string(",\"") + name + "\":" + (value ? "true" : "false");
  };
  for (const AddedToken& added : parts_.added) {
    json_ += separator + ("{\"id\":" + std::to_string(added.id)) + ",\"content\":" + json_quote(parts_.tokens[added.id]) +
             flag("single_word", added.single_word) + flag("lstrip", added.lstrip) + flag("rstrip", added.rstrip) +
             flag("normalized", added.normalized) + flag("special", tables_.special[added.id]) + "}";
    separator = ",\n";
  }
  json_ += "],\n";
}

void TokenizerWriter::write_components() {
  const TokenizerComponents& components = translation_.components;
  json_ += "\"normalizer\":" + components.normalizer.dump() + ",\n";
  json_ += "\"pre_tokenizer\":" + components.pre_tokenizer.dump() + ",\n";
  json_ += "\"post_processor\":" + components.post_processor.dump() + ",\n";
  json_ += "\"decoder\":" + components.decoder.dump() + ",\n";
}

/// Returns the tokens, by id, that only the list of added tokens has. Hugging Face's library numbers those from the size of the
/// vocabulary on, in their order: if that does not give their ids, they are put into the vocabulary.
std::vector<bool> TokenizerWriter::outside_model() const {
  const std::vector<bool> outside = outside_ids(parts_.added, parts_.tokens.size());
  bool ended = false;
  for (TokenId id = 0; id < parts_.tokens.size(); ++id) {
    ended = ended || outside[id];
    if (parts_.tokens[id].empty() || (ended && !outside[id])) return std::vector<bool>(parts_.tokens.size());
  }
  return outside;
}

void TokenizerWriter::write_vocabulary() {
  json_ += "\n\"vocab\":{";
  const char* separator = "\n";
  const std::vector<bool> left_out = outside_model();
  for (TokenId id = 0; id < parts_.tokens.size(); ++id) {
    if (parts_.tokens[id].empty() || left_out[id]) continue;
    json_ += separator + quoted(id) + ":" + std::to_string(id);
    separator = ",\n";
  }
  json_ += "}";
}

/// A unigram model's vocabulary is a list of pieces and scores, whose places are the ids.
void TokenizerWriter::write_scored_vocabulary() {
  json_ += "\n\"vocab\":[";
  for (TokenId id = 0; id < parts_.scores.size(); ++id)
    json_ += (id == 0 ? "\n[" : ",\n[") + quoted(id) + "," + JsonValue(parts_.scores[id]).dump() + "]";
  json_ += "]";
}

void TokenizerWriter::write_merges() {
  json_ += ",\n\"merges\":[";
  const char* separator = "\n";
  for (const MergePair& merge : translation_.merges ? *translation_.merges : parts_.merges) {
    json_ += separator + ("[" + quoted(merge.left)) + "," + quoted(merge.right) + "]";
    separator = ",\n";
  }
  json_ += "]";
}

/// Ours, and only if they are needed. They are in the model since there, and only there, Hugging Face's reader ignores keys that
/// it does not know.
void TokenizerWriter::write_own_members() {
  if (!parts_.end_of_text.empty()) member("lm_end_of_text", parts_.end_of_text);
  if (parts_.begin) member("lm_begin", *parts_.begin);
  if (const JsonValue exact = exact_form(parts_); !exact.is_null()) member("lm_exact", exact);
  if (replaces_post_processor_) member("lm_post_processor", parts_.components.post_processor);
  if (!parts_.components.config.empty()) member("lm_tokenizer_config", parts_.components.config);
}

void TokenizerWriter::write_bpe_options() {
  member("dropout", {});
  member("unk_token", translation_.unknown ? JsonValue(spelling(*translation_.unknown)) : JsonValue());
  member("continuing_subword_prefix", parts_.subword_prefix.empty() ? JsonValue() : JsonValue(parts_.subword_prefix));
  write_own_members();
  member("end_of_word_suffix", parts_.word_suffix.empty() ? JsonValue() : JsonValue(parts_.word_suffix));
  member("fuse_unk", translation_.fuse_unknown);
  member("byte_fallback", parts_.byte_fallback);
  member("ignore_merges", translation_.ignore_merges);
}

void TokenizerWriter::write_model() {
  json_ += std::string("\"model\":{\"type\":\"") + to_string(parts_.kind) + "\",";
  if (parts_.kind == ModelKind::bpe) {
    write_bpe_options();
    write_vocabulary();
    write_merges();
  } else {
    write_own_members();
    if (parts_.kind == ModelKind::unigram) {
      member("unk_id", parts_.unknown ? JsonValue(std::int64_t{*parts_.unknown}) : JsonValue());
      member("byte_fallback", parts_.byte_fallback);
      write_scored_vocabulary();
    } else {
      member("unk_token", parts_.unknown ? JsonValue(spelling(*parts_.unknown)) : JsonValue());
      if (parts_.kind == ModelKind::wordpiece) {
        member("continuing_subword_prefix", translation_.marks_word_begins ? "##" : parts_.subword_prefix);
        member("max_input_chars_per_word", parts_.max_word_characters);
      }
      write_vocabulary();
    }
  }
  json_ += "}";
}

std::string TokenizerWriter::write() {
  check_spellings();
  if (parts_.by_rank) translation_.merges = merges_of_ranks(tables_);
  json_ = "{\"version\":\"1.0\",\"truncation\":" + parts_.components.truncation.dump() +
          ",\"padding\":" + parts_.components.padding.dump() + ",\n";
  write_added();
  write_components();
  write_model();
  return std::move(json_) + "}\n";
}

void TokenizerWriter::open_with(const std::vector<TokenId>& opening) {
  if (tables_.around.before == opening && tables_.around.after.empty()) return;
  std::vector<std::string> names;
  for (const TokenId id : opening) names.push_back(spelling(id));
  replaces_post_processor_ = true;
  translation_.components.post_processor = post_processor_json({.before = opening, .after = {}}, names, {});
}

}  // namespace

std::string write_tokenizer_json(const TokenizerTables& tables) { return TokenizerWriter(tables).write(); }

std::string write_tokenizer_json(const TokenizerTables& tables, const std::vector<TokenId>& opening) {
  TokenizerWriter writer(tables);
  writer.open_with(opening);
  return writer.write();
}

}  // namespace lm
