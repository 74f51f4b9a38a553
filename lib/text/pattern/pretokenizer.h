// Cutting text into pretokens, the pieces inside which BPE merges: one hand-written scanner per pattern family.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "base/choice.h"
#include "base/json.h"

namespace lm {

/// The pattern families of lm-tokenizer(5). `none` takes the whole text as one pretoken.
enum class Pattern {
  gpt2,
  r50k,
  cl100k,
  llama3,
  qwen2,
  qwen35,
  o200k,
  smollm,
  tekken,
  deepseek_coder,
  deepseek_llm,
  deepseek_v3,
  none
};

// A family's first word is the one that files and fingerprints have.
template <>
inline constexpr auto kChoices<Pattern> = choice_table<Pattern>("pattern", {{"gpt2", Pattern::gpt2},
                                                                            {"r50k", Pattern::r50k},
                                                                            {"cl100k", Pattern::cl100k},
                                                                            {"llama3", Pattern::llama3},
                                                                            {"qwen2", Pattern::qwen2},
                                                                            {"qwen35", Pattern::qwen35},
                                                                            {"o200k", Pattern::o200k},
                                                                            {"smollm", Pattern::smollm},
                                                                            {"starcoder", Pattern::smollm},
                                                                            {"tekken", Pattern::tekken},
                                                                            {"deepseek-coder", Pattern::deepseek_coder},
                                                                            {"deepseek-llm", Pattern::deepseek_llm},
                                                                            {"deepseek-v3", Pattern::deepseek_v3},
                                                                            {"none", Pattern::none}});

/// Returns the regular expression as Hugging Face's tokenizers library (Oniguruma) takes it; empty for families that are no
/// single expression: none, smollm and those of DeepSeek.
std::string_view pattern_regex(Pattern pattern);
/// Returns the family that a tokenizer.json's regular expression spells, if it is one of ours.
std::optional<Pattern> pattern_of_regex(std::string_view regex);

/// Returns the whole "pre_tokenizer" of a tokenizer.json that cuts as the family does and spells bytes as ByteLevel does.
JsonValue pre_tokenizer_json(Pattern pattern);
/// Returns the family that a tokenizer.json's "pre_tokenizer" is, in any known spelling; it ends with ByteLevel and adds no space.
std::optional<Pattern> pattern_of_pre_tokenizer(const JsonValue& value);

/// Returns whether a pretoken ends between any letter and a symbol (what is neither letter, mark, number nor space) beyond ASCII behind it, and
/// what follows does not depend on what was before.
bool ends_words_at_symbols(Pattern pattern);

/// Where a pretoken ends, and whether the scanner had to look at the end of `text` to know: then more text might change it.
struct Pretoken {
  std::size_t length;
  bool saw_end;
};

/// Returns the pretoken at the start of `text`, which reaches to the end of its segment. text is not empty; length >= 1.
/// Linear in the length of the pretoken (and of a run of whitespace that it starts). Any bytes: each maximal invalid part of
/// UTF-8 counts as one character that is neither letter, number, mark nor space.
Pretoken next_pretoken(Pattern pattern, std::string_view text);

}  // namespace lm
