#include "objectives/fim_layout.h"

#include <algorithm>

#include "base/error.h"
#include "base/suggest.h"

namespace lm {

namespace {

using enum FimPart;

constexpr std::array<FimPart, 6> kPsm = {prefix_token, prefix, suffix_token, suffix, middle_token, middle};
constexpr std::array<FimPart, 6> kSpmJoint = {prefix_token, suffix_token, suffix, middle_token, prefix, middle};
constexpr std::array<FimPart, 6> kSpm = {suffix_token, suffix, prefix_token, prefix, middle_token, middle};
constexpr std::array<const char*, 3> kOurs = {"<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"};
constexpr std::array<const char*, 3> kStarCoder = {"<fim_prefix>", "<fim_suffix>", "<fim_middle>"};
constexpr std::array<const char*, 3> kCodeLlama = {"▁<PRE>", "▁<SUF>", "▁<MID>"};
constexpr std::array<const char*, 3> kDeepSeek = {"<｜fim▁begin｜>", "<｜fim▁hole｜>", "<｜fim▁end｜>"};
constexpr std::array<const char*, 3> kConfigured = {"prefix_token", "suffix_token", "middle_token"};

// What ends a middle, as the owners of the models say. StarCoder 2: a file of a repository ends with <file_sep>
// (arXiv:2402.19173, 5.3), and what is not known of its metadata never follows a middle.
constexpr std::array<const char*, 4> kStarCoderEnds = {"<|endoftext|>", "<file_sep>", "<fim_pad>", "<repo_name>"};
// Qwen2.5-Coder: the ids that its example of infilling ends at (examples/Qwen2.5-Coder-fim.py of its repository).
constexpr std::array<const char*, 7> kQwenEnds = {"<|endoftext|>", "<|im_end|>",    "<|fim_prefix|>", "<|fim_suffix|>",
                                                  "<|fim_pad|>",   "<|repo_name|>", "<|file_sep|>"};
// CodeGemma: the terminators of its model card; <bos> precedes, which its tokenizer puts there.
constexpr std::array<const char*, 5> kCodeGemmaEnds = {"<eos>", "<|file_separator|>", "<|fim_prefix|>", "<|fim_suffix|>",
                                                       "<|fim_middle|>"};
// Code Llama: generation stops at <EOT> only (its repository, llama/generation.py); its suffix is encoded without the space
// that SentencePiece puts before a text, its prefix with it (infilling_prompt_tokens() there).
constexpr std::array<const char*, 1> kCodeLlamaEnds = {"▁<EOT>"};
constexpr std::array<const char*, 2> kDeepSeekEnds = {"<｜end▁of▁sentence｜>", "<|EOT|>"};

constexpr std::array<FimLayout, 10> kLayouts = {{
    {.name = "psm", .tokens = kOurs, .order = kPsm},
    {.name = "spm", .tokens = kOurs, .order = kSpmJoint},
    {.name = "spm-llama.cpp", .tokens = kOurs, .order = kSpm},  // as llama.cpp's servers ask
    {.name = "starcoder", .tokens = kStarCoder, .order = kPsm, .is_foreign = true, .ends = kStarCoderEnds},
    {.name = "codegemma",
     .tokens = kOurs,
     .order = kPsm,
     .is_foreign = true,
     .ends = kCodeGemmaEnds,
     .mark = "<|file_separator|>"},
    {.name = "qwen", .tokens = kOurs, .order = kPsm, .is_foreign = true, .ends = kQwenEnds},
    {.name = "codellama",
     .tokens = kCodeLlama,
     .order = kPsm,
     .is_foreign = true,
     .ends = kCodeLlamaEnds,
     .bare_suffix = true},
    {.name = "codellama-spm",
     .tokens = kCodeLlama,
     .order = kSpmJoint,
     .is_foreign = true,
     .ends = kCodeLlamaEnds,
     .bare_suffix = true},
    {.name = "deepseek", .tokens = kDeepSeek, .order = kPsm, .is_foreign = true, .ends = kDeepSeekEnds},
    {.name = "named", .tokens = kConfigured, .order = kPsm, .is_foreign = true, .is_configured = true},
}};

}  // namespace

std::span<const FimLayout> fim_layouts() { return kLayouts; }

std::vector<std::string> fim_token_names() {
  std::vector<std::string> names;
  for (const FimLayout& layout : kLayouts) {
    for (const char* token : layout.tokens) {
      if (!layout.is_configured && std::find(names.begin(), names.end(), token) == names.end()) names.emplace_back(token);
    }
  }
  return names;
}

std::vector<std::string> fim_layout_names() {
  std::vector<std::string> names;
  for (const FimLayout& layout : kLayouts) names.emplace_back(layout.name);
  return names;
}

const FimLayout& find_fim_layout(std::string_view name) {
  for (const FimLayout& layout : kLayouts) {
    if (name == layout.name) return layout;
  }
  throw Error(unknown_word("layout", name, fim_layout_names()));
}

std::vector<TokenId> arrange_fim(const FimLayout& layout, const FimTokens& tokens, std::span<const TokenId> prefix_part,
                                 std::span<const TokenId> suffix_part, std::span<const TokenId> middle_part) {
  std::vector<TokenId> result;
  const auto append = [&](std::span<const TokenId> part) { result.insert(result.end(), part.begin(), part.end()); };
  for (const FimPart part : layout.order) {
    switch (part) {
      case FimPart::prefix_token:
        result.push_back(tokens.prefix);
        break;
      case FimPart::suffix_token:
        result.push_back(tokens.suffix);
        break;
      case FimPart::middle_token:
        result.push_back(tokens.middle);
        break;
      case FimPart::prefix:
        append(prefix_part);
        break;
      case FimPart::suffix:
        append(suffix_part);
        break;
      case FimPart::middle:
        append(middle_part);
        break;
    }
  }
  return result;
}

}  // namespace lm
