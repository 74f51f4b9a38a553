#include "text/files/json_steps.h"

#include "base/base64.h"

namespace lm {

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
