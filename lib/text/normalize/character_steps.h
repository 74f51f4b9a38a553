// Normalizers that look at one character at a time, and at the ends of a text.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace lm {

// Each appends the normalized text; what is not UTF-8 is kept.

/// Lower case, of single characters: a final sigma is none.
void append_lowercase(std::string_view text, std::string& out);
/// Without combining marks.
void append_without_marks(std::string_view text, std::string& out);
/// With spaces, and without controls, as the Nmt normalizer has them.
void append_nmt(std::string_view text, std::string& out);
/// GPT-2's spelling of every byte.
void append_byte_spelling(std::string_view text, std::string& out);

struct BertSettings {
  bool clean_text = true;
  bool handle_chinese_chars = true;
  bool strip_accents = true;
  bool lowercase = true;
};
void append_bert(const BertSettings& settings, std::string_view text, std::string& out);

/// Returns whether the code point is an ideograph that BERT makes a word.
bool is_bert_ideograph(std::uint32_t point);
/// Returns `text` without White_Space at its ends.
std::string_view strip_spaces(std::string_view text, bool left, bool right);

}  // namespace lm
