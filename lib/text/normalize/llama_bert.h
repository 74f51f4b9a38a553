// How llama.cpp prepares a text for WordPiece: words and single characters of punctuation.
#pragma once

#include <string>
#include <string_view>

namespace lm {

struct LlamaBertSettings {
  bool lowercase = true;
  bool strip_accents = true;
};

/// Appends the words of the text, each followed by a space. What is not UTF-8 is left out.
void append_llama_bert(const LlamaBertSettings& settings, std::string_view text, std::string& out);

}  // namespace lm
