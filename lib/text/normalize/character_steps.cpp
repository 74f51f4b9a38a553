#include "text/normalize/character_steps.h"

#include <cstddef>
#include <cstring>

#include "text/normalize/characters.h"
#include "text/normalize/tables.h"
#include "text/normalize/unicode_forms.h"
#include "text/unicode/unicode.h"
#include "text/vocabulary/byte_level.h"

namespace lm {

namespace {

bool is_white_space(std::uint32_t point) { return UnicodeClasses::get().of(point) == CharClass::space; }

void append_lower_ascii(const char* at, const char* end, std::string& out) {
  constexpr std::uint64_t kEach = 0x0101010101010101U;
  std::size_t place = out.size();
  out.resize(place + static_cast<std::size_t>(end - at));
  for (std::uint64_t word = 0; end - at >= 8; at += 8, place += 8) {
    std::memcpy(&word, at, 8);
    // The high bit of a byte that is at least 'A' and not above 'Z'.
    const std::uint64_t upper = (word + kEach * (0x80 - 'A')) & ~(word + kEach * (0x7F - 'Z')) & kEach * 0x80;
    word |= upper >> 2;
    std::memcpy(out.data() + place, &word, 8);
  }
  for (; at < end; ++at, ++place) out[place] = static_cast<char>(*at >= 'A' && *at <= 'Z' ? *at + ('a' - 'A') : *at);
}

void append_without(const NormalizeTable<std::uint8_t>& members, std::string_view text, std::string& out) {
  Rewriter rewriter(text, out);
  walk_characters(
      text, [](const char*, const char*) {},
      [&](std::uint32_t point, const char* at, const char* end) {
        if (members.of(point) != 0) rewriter.replace(at, end, "");
      });
  rewriter.finish();
}

/// What Nmt and BERT's clean_text do with a character.
enum class Fate : std::uint8_t { kept, removed, space };

template <class FateOf>
void append_by_fate(std::string_view text, std::string& out, FateOf fate_of) {
  Rewriter rewriter(text, out);
  const auto take = [&](std::uint32_t point, const char* at, const char* end) {
    const Fate fate = fate_of(point);
    if (fate != Fate::kept) rewriter.replace(at, end, fate == Fate::space ? " " : "");
  };
  walk_characters(
      text,
      [&](const char* at, const char* end) {
        for (; at < end; ++at) {
          if (*at < 0x20 || *at == 0x7F) take(static_cast<unsigned char>(*at), at, at + 1);
        }
      },
      take);
  rewriter.finish();
}

Fate nmt_fate(std::uint32_t point) {
  switch (point) {
    case 0x09:
    case 0x0A:
    case 0x0C:
    case 0x0D:
    case 0x1680:
    case 0x2028:
    case 0x2029:
    case 0x2581:
    case 0xFEFF:
    case 0xFFFD:
      return Fate::space;
    case 0x7F:
    case 0x8F:
    case 0x9F:
      return Fate::removed;
    default:
      if (point >= 0x01 && point <= 0x1F) return Fate::removed;
      return point >= 0x200B && point <= 0x200F ? Fate::space : Fate::kept;
  }
}

Fate bert_fate(std::uint32_t point) {
  static const NormalizeTable<std::uint8_t> controls = member_table(bert_controls());
  if (controls.of(point) != 0) return Fate::removed;
  return is_white_space(point) ? Fate::space : Fate::kept;
}

void append_spaced_ideographs(std::string_view text, std::string& out) {
  Rewriter rewriter(text, out);
  walk_characters(
      text, [](const char*, const char*) {},
      [&](std::uint32_t point, const char* at, const char* end) {
        if (!is_bert_ideograph(point)) return;
        std::string& replacement = rewriter.begin_replacement(at, end);
        replacement += ' ';
        replacement.append(at, end);
        replacement += ' ';
      });
  rewriter.finish();
}

}  // namespace

void append_lowercase(std::string_view text, std::string& out) {
  static const NormalizeTable<std::int32_t> deltas = case_table(lowercase_ranges());
  Rewriter rewriter(text, out);
  walk_characters(
      text, [&](const char* at, const char* end) { append_lower_ascii(at, end, rewriter.begin_replacement(at, end)); },
      [&](std::uint32_t point, const char* at, const char* end) {
        if (point == 0x130) return rewriter.replace(at, end, "i\xCC\x87");
        const std::int32_t delta = deltas.of(point);
        if (delta == 0) return;
        append_utf8(rewriter.begin_replacement(at, end),
                    static_cast<std::uint32_t>(static_cast<std::int32_t>(point) + delta));
      });
  rewriter.finish();
}

void append_without_marks(std::string_view text, std::string& out) {
  static const NormalizeTable<std::uint8_t> marks = member_table(combining_marks());
  append_without(marks, text, out);
}

void append_nmt(std::string_view text, std::string& out) { append_by_fate(text, out, nmt_fate); }

void append_byte_spelling(std::string_view text, std::string& out) {
  const auto& spelled = byte_level_code_points();
  for (const char byte : text) append_utf8(out, spelled[static_cast<unsigned char>(byte)]);
}

bool is_bert_ideograph(std::uint32_t point) {
  return (point >= 0x4E00 && point <= 0x9FFF) || (point >= 0x3400 && point <= 0x4DBF) ||
         (point >= 0x20000 && point <= 0x2A6DF) || (point >= 0x2A700 && point <= 0x2B81F) ||
         (point >= 0x2B920 && point <= 0x2CEAF) || (point >= 0xF900 && point <= 0xFAFF) ||
         (point >= 0x2F800 && point <= 0x2FA1F);
}

void append_bert(const BertSettings& settings, std::string_view text, std::string& out) {
  static const NormalizeTable<std::uint8_t> marks = member_table(bert_nonspacing_marks());
  std::string before(text), after;
  const auto next = [&] {
    before.swap(after);
    after.clear();
  };
  if (settings.clean_text) {
    append_by_fate(before, after, bert_fate);
    next();
  }
  if (settings.handle_chinese_chars) {
    append_spaced_ideographs(before, after);
    next();
  }
  if (settings.strip_accents) {
    append_form(UnicodeForm::nfd, before, after);
    next();
    append_without(marks, before, after);
    next();
  }
  if (settings.lowercase) return append_lowercase(before, out);
  out += before;
}

std::string_view strip_spaces(std::string_view text, bool left, bool right) {
  while (left && !text.empty()) {
    const DecodedChar character = decode_utf8(text.data(), text.data() + text.size());
    if (!is_white_space(character.code_point)) break;
    text.remove_prefix(character.length);
  }
  while (right && !text.empty()) {
    std::size_t length = 1;
    while (length < 4 && length < text.size() && (static_cast<unsigned char>(text[text.size() - length]) & 0xC0) == 0x80) {
      ++length;
    }
    const DecodedChar character = decode_utf8(text.data() + text.size() - length, text.data() + text.size());
    if (character.length != length || !is_white_space(character.code_point)) break;
    text.remove_suffix(length);
  }
  return text;
}

}  // namespace lm
