#include "objectives/fim_layout.h"

#include "base/error.h"
#include "base/suggest.h"

namespace lm {

namespace {

using enum FimPart;

constexpr std::array<FimPart, 6> kPsm = {prefix_token, prefix, suffix_token, suffix, middle_token, middle};
constexpr std::array<FimPart, 6> kSpmJoint = {prefix_token, suffix_token, suffix, middle_token, prefix, middle};
constexpr std::array<FimPart, 6> kSpm = {suffix_token, suffix, prefix_token, prefix, middle_token, middle};
constexpr std::array<const char*, 3> kOurs = {"<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"};

constexpr std::array<FimLayout, 8> kLayouts = {{
    {.name = "psm", .tokens = kOurs, .order = kPsm},
    {.name = "spm", .tokens = kOurs, .order = kSpmJoint},
    {.name = "spm-llama.cpp", .tokens = kOurs, .order = kSpm},  // as llama.cpp's servers ask
    {.name = "starcoder", .tokens = {"<fim_prefix>", "<fim_suffix>", "<fim_middle>"}, .order = kPsm},
    {.name = "qwen", .tokens = kOurs, .order = kPsm},  // CodeGemma's too
    {.name = "codellama", .tokens = {"▁<PRE>", "▁<SUF>", "▁<MID>"}, .order = kPsm},
    {.name = "codellama-spm", .tokens = {"▁<PRE>", "▁<SUF>", "▁<MID>"}, .order = kSpmJoint},
    {.name = "deepseek", .tokens = {"<｜fim▁begin｜>", "<｜fim▁hole｜>", "<｜fim▁end｜>"}, .order = kPsm},
}};

}  // namespace

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
