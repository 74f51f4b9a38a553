// BERT's vocab.txt: a token a line, its id the number of the line.
#pragma once

#include <optional>
#include <string_view>

#include "text/files/foreign_vocabulary.h"

namespace lm {

/// What a folder's tokenizer_config.json says about a vocab.txt.
struct BertVocabularyFlags {
  bool do_lower_case = true;
  std::optional<bool> strip_accents = {};  // nothing: as do_lower_case
  bool tokenize_chinese_chars = true;
  bool clean_text = true;
};

/// Reads the text of a vocab.txt and says what Hugging Face's BertTokenizer does with it. Of lines that are equal the last one
/// counts. Throws Error naming `source` if it has no unknown token ([UNK]).
ForeignVocabulary read_bert_vocabulary(std::string_view text, std::string_view source, const BertVocabularyFlags& flags);

}  // namespace lm
