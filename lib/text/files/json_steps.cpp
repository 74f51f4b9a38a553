#include "text/files/json_steps.h"

#include <cstdint>

namespace lm {

std::string to_base64(std::string_view bytes) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t bits = 0;
    const std::size_t count = std::min<std::size_t>(3, bytes.size() - i);
    for (std::size_t k = 0; k < 3; ++k) {
      bits = (bits << 8) | (k < count ? static_cast<unsigned char>(bytes[i + k]) : 0U);
    }
    for (std::size_t k = 0; k < 4; ++k) text += k <= count ? kDigits[(bits >> (18 - 6 * k)) & 63] : '=';
  }
  return text;
}

JsonValue json_sentencepiece_normalizer(SentencePieceNormalizerSpec spec) {
  JsonValue step = json_step("SentencePiece");
  step.set("precompiled_charsmap", to_base64(spec.precompiled_charsmap));
  step.set("add_dummy_prefix", spec.add_dummy_prefix);
  step.set("remove_extra_whitespaces", spec.remove_extra_whitespaces);
  step.set("escape_whitespaces", spec.escape_whitespaces);
  step.set("treat_whitespace_as_suffix", spec.treat_whitespace_as_suffix);
  step.set("user_defined_symbols", std::move(spec.user_defined_symbols));
  return step;
}

}  // namespace lm
