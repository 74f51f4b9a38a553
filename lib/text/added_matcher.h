// Finding added tokens in text as Hugging Face's library does: first those of raw text, then those of normalized text.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/token.h"
#include "text/normalize/normalizer.h"
#include "text/special_matcher.h"
#include "text/tokenizer.h"
#include "text/tokenizer_parts.h"

namespace lm {

/// The added tokens of a tokenizer, in two trees: those that are searched for in the text as it is, and those that are
/// searched for after normalization. Of matches the leftmost counts, then the longest.
class AddedMatcher {
 public:
  enum class Pass { raw, normalized };

  AddedMatcher() = default;
  /// `special`: by id. `normalizer` gives the form of the tokens that are searched for in normalized text.
  AddedMatcher(const std::vector<AddedToken>& added, const TokenStrings& tokens, const std::vector<bool>& special,
               const Normalizer& normalizer);

  bool is_empty(Pass pass) const { return empty_[index(pass)]; }
  /// Returns whether all tokens are found in one pass and have no flags: then a text may be searched before its end is known.
  bool is_simple() const { return simple_; }
  /// Returns whether a match can reach across a place between a letter or number and a space or newline behind it.
  bool spans_cuts() const { return spans_cuts_; }

  /// Where a search is: the trees go on behind the last match, spaces are taken only from where text is left.
  struct Cursor {
    std::size_t search = 0;                        // where the tree looks next
    std::size_t taken = 0;                         // the end of the last match, with the spaces that it took
    std::size_t spaces_begin = 1, spaces_end = 0;  // a stretch of spaces that is known
  };
  struct Match {
    enum class Kind { none, found, undecided } kind = Kind::none;
    std::size_t begin = 0, end = 0;  // with the spaces that it takes; undecided: where a spelling starts
    TokenId id = 0;
  };
  /// Returns the next match and moves the cursor behind it. Under SpecialTokens::plain special tokens are passed over. Unless
  /// `final` (only if is_simple()), a spelling that more text could complete is undecided.
  Match next(Pass pass, std::string_view text, Cursor& cursor, SpecialTokens special, bool final) const;

 private:
  static std::size_t index(Pass pass) { return pass == Pass::raw ? 0 : 1; }
  bool is_word_alone(std::string_view text, std::size_t begin, std::size_t end) const;

  std::array<SpecialMatcher, 2> trees_;
  SpecialMatcher ordinary_;  // of a simple one: the tokens that are not special
  std::array<bool, 2> empty_ = {true, true};
  bool simple_ = true, spans_cuts_ = false;
  std::vector<AddedToken> tokens_;  // sorted by id
  const std::vector<bool>* special_ = nullptr;
};

}  // namespace lm
