// Unicode's normalization forms, as Hugging Face's tokenizers have them: of an older Unicode than utf8proc's.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace lm {

enum class UnicodeForm : std::uint8_t { nfc, nfd, nfkc, nfkd };

/// Appends `text` in the form. Invalid UTF-8 is kept, and parts what is before and behind it.
void append_form(UnicodeForm form, std::string_view text, std::string& out);

}  // namespace lm
