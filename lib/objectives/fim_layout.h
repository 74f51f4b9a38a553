// The one registry of fill-in-the-middle layouts: the order of prefix, suffix and middle, the tokens between them, and what
// stands before and ends a middle.
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
  /// The layout is that of models from elsewhere, whose prompts begin with what their tokenizer puts before a text and
  /// nothing else; a prompt of the others begins as every text of models made here does.
  bool is_foreign = false;
  std::span<const char* const> ends = {};  // names of tokens that end a middle, beside those that end the model's texts
  const char* mark = nullptr;              // a token that tells its models from those with the same three tokens
  bool bare_suffix = false;                // the suffix has no such space as the tokenizer puts before texts
  bool is_configured = false;              // `tokens` are keys of the tokenizer's configuration, which has the names
};

/// The layout of models that were trained here: suffix, prefix, middle. Small models learn it sooner, since the middle
/// directly follows the prefix and nothing has to be found across a suffix. At a cursor more of the last prompt stays in the
/// cache, since typing changes the end of the prefix.
constexpr const char* kDefaultFimLayout = "spm";

/// The word that leaves the choice to the model and its tokenizer.
constexpr const char* kAutoFimLayout = "auto";

/// Returns all layouts, in the order of the table: of those with the same three tokens the one to prefer comes first.
std::span<const FimLayout> fim_layouts();
/// Returns the names of all layouts, in the order of the table.
std::vector<std::string> fim_layout_names();
/// Returns the layout of a name. Throws Error naming the known ones.
const FimLayout& find_fim_layout(std::string_view name);
/// Returns the names of the three tokens of every layout, each once.
std::vector<std::string> fim_token_names();

/// The ids of a layout's three tokens.
struct FimTokens {
  TokenId prefix = 0, suffix = 0, middle = 0;
};

/// Returns the parts in the layout's order, with its tokens between them, without end-of-text.
std::vector<TokenId> arrange_fim(const FimLayout& layout, const FimTokens& tokens, std::span<const TokenId> prefix,
                                 std::span<const TokenId> suffix, std::span<const TokenId> middle);

}  // namespace lm
