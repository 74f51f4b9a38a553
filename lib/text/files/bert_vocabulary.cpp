#include "text/files/bert_vocabulary.h"

#include <algorithm>

#include "base/error.h"
#include "base/utf8.h"
#include "text/files/json_steps.h"
#include "text/files/lines.h"

namespace lm {

namespace {

void set_bert_pipeline(ForeignVocabulary& vocabulary, const BertVocabularyFlags& flags) {
  JsonValue normalizer = json_step("BertNormalizer");
  normalizer.set("clean_text", flags.clean_text);
  normalizer.set("handle_chinese_chars", flags.tokenize_chinese_chars);
  normalizer.set("strip_accents", flags.strip_accents ? JsonValue(*flags.strip_accents) : JsonValue());
  normalizer.set("lowercase", flags.do_lower_case);
  vocabulary.normalizer = std::move(normalizer);
  vocabulary.pre_tokenizer = json_step("BertPreTokenizer");
  JsonValue decoder = json_step("WordPiece");
  decoder.set("prefix", "##");
  decoder.set("cleanup", true);
  vocabulary.decoder = std::move(decoder);
}

}  // namespace

ForeignVocabulary read_bert_vocabulary(std::string_view text, std::string_view source, const BertVocabularyFlags& flags) {
  ForeignVocabulary vocabulary;
  vocabulary.model = ForeignVocabulary::Model::wordpiece;
  vocabulary.continuing_subword_prefix = "##";
  vocabulary.max_input_chars_per_word = 100;
  const auto refuse = [&](const std::string& why) {
    throw Error("invalid vocabulary '" + std::string(source) + "': " + why);
  };
  if (text.size() >= UINT32_MAX) refuse("it has 4 GiB or more");
  if (!is_utf8(text)) refuse("it is not UTF-8");
  vocabulary.tokens.reserve(text.size(), static_cast<std::uint64_t>(std::count(text.begin(), text.end(), '\n')) + 1);
  const std::pair<std::string_view, std::optional<TokenId>*> specials[] = {{"[UNK]", &vocabulary.unk},
                                                                           {"[SEP]", &vocabulary.sep},
                                                                           {"[PAD]", &vocabulary.pad},
                                                                           {"[CLS]", &vocabulary.cls},
                                                                           {"[MASK]", &vocabulary.mask}};
  for_each_line(text, [&](std::string_view line, std::size_t) {
    for (const auto& [name, id] : specials) {
      if (line == name) *id = vocabulary.tokens.size();
    }
    vocabulary.tokens.push_back(line);
  });
  if (!vocabulary.unk) refuse("it has no token [UNK], so it is no vocabulary of BERT's");
  for (const auto& [name, id] : specials) {
    if (*id) vocabulary.added.push_back({.id = **id, .special = true});
  }
  vocabulary.bos = vocabulary.cls;
  vocabulary.add_bos = vocabulary.cls.has_value();
  vocabulary.add_sep = vocabulary.sep.has_value();
  set_bert_pipeline(vocabulary, flags);
  return vocabulary;
}

}  // namespace lm
