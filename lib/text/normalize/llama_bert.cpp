#include "text/normalize/llama_bert.h"

#include <utf8proc.h>

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/utf8.h"
#include "text/normalize/character_steps.h"
#include "text/normalize/tables.h"

namespace lm {

namespace {

/// What llama.cpp's tables say of each code point.
struct LlamaBertTables {
  NormalizeTable<std::uint8_t> parts;
  NormalizeTable<std::int32_t> lowercase = case_table(llama_lowercase_ranges());
  NormalizeTable<std::uint32_t> base;  // the first of the canonical decomposition, 0 for the character itself

  LlamaBertTables() {
    for (const LlamaBertRange& range : llama_bert_ranges()) {
      parts.set(range.first, range.last, static_cast<std::uint8_t>(range.part));
    }
    const NormalizeTable<std::uint8_t> unknown = member_table(unknown_to_llama());
    constexpr NormalizeRange kSearched[] = {{0xA0, 0x33FF}, {0xAC00, 0xD7A3}, {0xF900, 0x1FFFF}, {0x2F800, 0x2FA1F}};
    for (const NormalizeRange& range : kSearched) {
      for (std::uint32_t point = range.first; point <= range.last; ++point) {
        if (unknown.of(point) == 0) set_base(point);
      }
    }
  }

  void set_base(std::uint32_t point) {
    std::array<utf8proc_int32_t, 32> buffer;
    const auto own = static_cast<utf8proc_int32_t>(point);
    const utf8proc_ssize_t length = utf8proc_decompose_char(own, buffer.data(), static_cast<utf8proc_ssize_t>(buffer.size()),
                                                            UTF8PROC_DECOMPOSE, nullptr);
    if (length > 0 && buffer[0] != own) base.set(point, point, static_cast<std::uint32_t>(buffer[0]));
  }
};

/// Decodes as llama.cpp does: overlong forms and surrogates are characters, too, and what is none is U+FFFD, one byte long.
DecodedChar decode_leniently(const char* at, const char* end) {
  const auto byte = [at](std::size_t i) { return std::uint32_t{static_cast<unsigned char>(at[i])}; };
  const std::uint32_t lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  const std::uint32_t length = lead < 0xC0 ? 0 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : lead < 0xF8 ? 4 : 0;
  constexpr DecodedChar kInvalid{0xFFFD, 1};
  if (length == 0 || static_cast<std::size_t>(end - at) < length) return kInvalid;
  std::uint32_t point = lead & (0x7FU >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return kInvalid;
    point = point << 6 | (byte(i) & 0x3F);
  }
  return {point, length};
}

}  // namespace

void append_llama_bert(const LlamaBertSettings& settings, std::string_view text, std::string& out) {
  static const LlamaBertTables tables;
  const char* at = text.data();
  const char* const end = at + text.size();
  bool in_word = false;
  const auto finish_word = [&] {
    if (in_word) out += ' ';
    in_word = false;
  };
  while (at < end) {
    const DecodedChar character = decode_leniently(at, end);
    at += character.length;
    std::uint32_t point = character.code_point;
    if (settings.strip_accents) {
      if (const std::uint32_t base = tables.base.of(point); base != 0) point = base;
    }
    const auto part = static_cast<BertPart>(tables.parts.of(point));
    if (part == BertPart::space) {
      finish_word();
      continue;
    }
    if (part == BertPart::dropped || (part == BertPart::mark && settings.strip_accents)) continue;
    const bool is_word = part == BertPart::alone || is_bert_ideograph(point);
    if (is_word) finish_word();
    if (settings.lowercase) {
      point = static_cast<std::uint32_t>(static_cast<std::int32_t>(point) + tables.lowercase.of(point));
    }
    if (point < 0x110000) append_utf8(out, point);
    in_word = true;
    if (is_word) finish_word();
  }
  finish_word();
}

}  // namespace lm
