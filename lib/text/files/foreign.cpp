#include "text/files/foreign.h"

#include <limits>
#include <utility>

#include "base/error.h"
#include "text/pattern/pretokenizer.h"
#include "text/post_processor.h"
#include "text/vocabulary/byte_level.h"

namespace lm {

namespace {

ModelKind kind_of_model(ForeignVocabulary::Model model) {
  switch (model) {
    case ForeignVocabulary::Model::unigram:
      return ModelKind::unigram;
    case ForeignVocabulary::Model::wordpiece:
      return ModelKind::wordpiece;
    case ForeignVocabulary::Model::wordlevel:
      return ModelKind::wordlevel;
    case ForeignVocabulary::Model::bpe_bytes:
    case ForeignVocabulary::Model::bpe_characters:
      break;
  }
  return ModelKind::bpe;
}

/// Returns whether this is byte-level BPE whose pretokens a scanner finds.
bool fits_bytes(const ForeignVocabulary& vocabulary) {
  if (vocabulary.model != ForeignVocabulary::Model::bpe_bytes || vocabulary.newline_runs) return false;
  if (!pattern_of_pre_tokenizer(vocabulary.pre_tokenizer)) return false;
  const std::vector<bool> is_added = added_ids(vocabulary.added, vocabulary.tokens.size());
  std::string bytes;
  for (TokenId id = 0; id < vocabulary.tokens.size(); ++id) {
    bytes.clear();
    if (!is_added[id] && !append_from_byte_level(vocabulary.tokens[id], bytes)) return false;
  }
  return true;
}

TokenStrings bytes_of_tokens(const ForeignVocabulary& vocabulary) {
  const std::vector<bool> is_added = added_ids(vocabulary.added, vocabulary.tokens.size());
  TokenStrings tokens;
  std::string bytes;
  for (TokenId id = 0; id < vocabulary.tokens.size(); ++id) {
    bytes.clear();
    if (is_added[id] || !append_from_byte_level(vocabulary.tokens[id], bytes)) bytes = vocabulary.tokens[id];
    tokens.push_back(bytes);
  }
  return tokens;
}

void put_around(const ForeignVocabulary& vocabulary, TokenizerParts& parts) {
  TokensAround around;
  std::vector<std::string> before, after;
  const auto add = [&](bool wanted, const std::optional<TokenId>& id, std::vector<TokenId>& ids,
                       std::vector<std::string>& names) {
    if (!wanted || !id || *id >= vocabulary.tokens.size()) return;
    ids.push_back(*id);
    names.emplace_back(vocabulary.tokens[*id]);
  };
  // llama.cpp puts the classification token before texts of BERT's kind, as its begin token.
  const bool is_bert = vocabulary.model == ForeignVocabulary::Model::wordpiece;
  add(vocabulary.add_bos, is_bert && !vocabulary.bos ? vocabulary.cls : vocabulary.bos, around.before, before);
  add(vocabulary.add_eos, vocabulary.eos, around.after, after);
  add(vocabulary.add_sep && around.after.empty(), vocabulary.sep, around.after, after);
  parts.components.post_processor = post_processor_json(around, before, after);
}

void keep_configuration(const ForeignVocabulary& vocabulary, TokenizerParts& parts) {
  JsonValue config = JsonValue(JsonValue::Object());
  const std::pair<const char*, const std::optional<TokenId>*> names[] = {
      {"bos_token", &vocabulary.bos},           {"eos_token", &vocabulary.eos},
      {"unk_token", &vocabulary.unk},           {"sep_token", &vocabulary.sep},
      {"pad_token", &vocabulary.pad},           {"cls_token", &vocabulary.cls},
      {"mask_token", &vocabulary.mask},         {"prefix_token", &vocabulary.fim_prefix},
      {"suffix_token", &vocabulary.fim_suffix}, {"middle_token", &vocabulary.fim_middle},
      {"fim_pad_token", &vocabulary.fim_pad},   {"fim_rep_token", &vocabulary.fim_repository},
      {"fim_sep_token", &vocabulary.fim_file}};
  for (const auto& [name, id] : names) {
    if (*id && **id < vocabulary.tokens.size()) config.set(name, vocabulary.tokens[**id]);
  }
  if (!vocabulary.chat_template.empty()) config.set("chat_template", vocabulary.chat_template);
  config.set("clean_up_tokenization_spaces", vocabulary.clean_up_spaces);
  parts.components.config = config.dump(2);
}

}  // namespace

TokenizerParts parts_of(ForeignVocabulary vocabulary, std::string_view source) {
  TokenizerParts parts;
  parts.kind = kind_of_model(vocabulary.model);
  parts.origin = vocabulary.origin;
  for (const AddedToken& token : vocabulary.added) {
    if (token.id >= vocabulary.tokens.size())
      throw Error("invalid tokenizer '" + std::string(source) + "': it has no token " + std::to_string(token.id));
  }
  parts.added = vocabulary.added;
  put_around(vocabulary, parts);
  keep_configuration(vocabulary, parts);
  const std::optional<TokenId>& end = vocabulary.eos ? vocabulary.eos : vocabulary.sep;
  if (end && *end < vocabulary.tokens.size()) parts.end_of_text = vocabulary.tokens[*end];
  parts.components.normalizer = vocabulary.normalizer;
  parts.ignore_merges = vocabulary.ignore_merges;
  parts.merges = std::move(vocabulary.merges);
  if (fits_bytes(vocabulary)) {
    parts.origin = TokenizerParts::Origin::hugging_face;  // what differs between the two is nothing then
    parts.form = TokenizerParts::Form::bytes;
    std::string bytes;
    for (AddedToken& added : parts.added) added.in_model = append_from_byte_level(vocabulary.tokens[added.id], bytes);
    parts.pattern = *pattern_of_pre_tokenizer(vocabulary.pre_tokenizer);
    parts.tokens = bytes_of_tokens(vocabulary);
    return parts;
  }
  parts.form = TokenizerParts::Form::spelled;
  parts.components.pre_tokenizer = vocabulary.pre_tokenizer;
  parts.components.decoder = vocabulary.decoder;
  // BPE by merges knows no unknown characters: they are bytes, or nothing.
  if (parts.kind != ModelKind::bpe || vocabulary.by_scores || parts.origin != TokenizerParts::Origin::llama_cpp)
    parts.unknown = vocabulary.unk;
  parts.unknown_text = vocabulary.unk_surface;
  parts.fuse_unknown = vocabulary.fuse_unk;
  parts.byte_fallback = vocabulary.byte_fallback;
  parts.partial_bytes = vocabulary.partial_bytes;
  parts.newline_runs = vocabulary.newline_runs;
  if (vocabulary.by_scores || parts.kind == ModelKind::unigram)
    parts.scores.assign(vocabulary.scores.begin(), vocabulary.scores.end());
  if (parts.origin != TokenizerParts::Origin::llama_cpp || parts.kind != ModelKind::bpe)  // llama.cpp's BPE knows no kinds
    parts.kinds = std::move(vocabulary.kinds);
  parts.subword_prefix = vocabulary.continuing_subword_prefix;
  parts.word_prefix = vocabulary.word_prefix;
  parts.max_word_characters = static_cast<std::int64_t>(
      std::min<std::uint64_t>(vocabulary.max_input_chars_per_word, std::numeric_limits<std::int64_t>::max()));
  parts.tokens = std::move(vocabulary.tokens);
  return parts;
}

}  // namespace lm
