// What every tokenizer file is read into, and what the trainer makes: the common form before the tables are built.
#pragma once

#include <string>
#include <vector>

#include "text/pair_table.h"
#include "text/pattern/pretokenizer.h"
#include "text/vocabulary/token_strings.h"

namespace lm {

/// A token that is matched in text as a whole. One that is not special is matched always, a special one on request.
struct AddedToken {
  TokenId id;
  bool special;
};

struct TokenizerParts {
  Pattern pattern = Pattern::gpt2;
  /// tiktoken: any neighbours whose concatenation is a token merge, the lowest id first; no merges then.
  bool by_rank = false;
  bool ignore_merges = false;  // a whole pretoken that is a token is that token, whatever the merges say
  TokenStrings tokens;         // bytes by id
  std::vector<AddedToken> added;
  std::vector<MergePair> merges;
  std::string end_of_text = {};         // the name that the file states; empty: a known one
  std::string tokens_around_text = {};  // that its post-processor puts there and we do not, described; empty: none
};

}  // namespace lm
