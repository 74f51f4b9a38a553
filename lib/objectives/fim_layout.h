// The one registry of fill-in-the-middle layouts: in which order prefix, suffix and middle stand, and between which tokens.
#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/token.h"

namespace lm {

/// A place in a layout: one of the three special tokens, or one of the three parts of the text.
enum class FimPart { prefix_token, suffix_token, middle_token, prefix, suffix, middle };

struct FimLayout {
  const char* name;
  std::array<const char*, 3> tokens;  // names of the prefix, suffix and middle token in the tokenizer
  std::array<FimPart, 6> order;       // the middle comes last, so that it can be generated
};

/// Small models learn it first: the middle goes straight on from the prefix, and no end of the prefix has to be found across
/// a suffix. At the cursor it also lets more of the last prompt stay read, since the prefix's end is what typing changes.
constexpr const char* kDefaultFimLayout = "spm";

/// Their names, in order.
std::vector<std::string> fim_layout_names();
/// Throws Error naming the known ones.
const FimLayout& find_fim_layout(std::string_view name);

/// The ids of a layout's three tokens.
struct FimTokens {
  TokenId prefix = 0, suffix = 0, middle = 0;
};

/// The parts in the layout's order, with its tokens between them; without end-of-text.
std::vector<TokenId> arrange_fim(const FimLayout& layout, const FimTokens& tokens, std::span<const TokenId> prefix,
                                 std::span<const TokenId> suffix, std::span<const TokenId> middle);

}  // namespace lm
