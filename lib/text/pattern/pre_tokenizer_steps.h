// The steps of a PreTokenizer; part of pre_tokenizer.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/choice.h"
#include "text/pattern/pre_tokenizer.h"
#include "text/pattern/pretokenizer.h"

namespace lm {

/// What becomes of the matches of a step that splits.
enum class SplitBehavior { removed, isolated, merged_with_previous, merged_with_next, contiguous };

template <>
inline constexpr auto kChoices<SplitBehavior> =
    choice_table<SplitBehavior>("behavior", {{"Removed", SplitBehavior::removed},
                                             {"Isolated", SplitBehavior::isolated},
                                             {"MergedWithPrevious", SplitBehavior::merged_with_previous},
                                             {"MergedWithNext", SplitBehavior::merged_with_next},
                                             {"Contiguous", SplitBehavior::contiguous}});

/// Rewrites or splits every piece. Some components are two or three steps.
struct PreTokenizer::Step {
  enum class Kind {
    spaces,        // rewrites: each ' ' becomes `string`, which may be put before a piece that does not begin with it
    byte_level,    // rewrites: each byte becomes the character that stands for it
    classes,       // matches every character of `classes`
    words,         // matches whitespace, and separates \w+ from what is neither
    string,        // matches `string`, which is not empty
    pattern,       // matches the pretokens of `pattern`, which leave nothing between them
    regex,         // matches `regex`
    fixed_length,  // separates every `length` characters
    scripts        // separates scripts
  };
  enum class Prepend { never, first, always };

  Kind kind;
  SplitBehavior behavior = SplitBehavior::isolated;
  bool inverted = false;     // what is not matched counts as matched
  std::uint8_t classes = 0;  // of ComponentClass
  std::size_t length = 0;
  std::string string = {};
  Prepend prepend = Prepend::never;
  Pattern pattern = Pattern::none;
  std::optional<Regex> regex = {};

  void apply(Pieces& out) const;

  /// What happens if a text is cut before the step, between a letter or number and `spelling`, which is what earlier steps made
  /// of a ' ' or '\n', here `blank`: the step itself cuts there; or it does nothing else in both cases; or that is not sure.
  enum class Cut { makes, bears, breaks };
  Cut cut_before(char blank, std::string_view spelling) const;

 private:
  void rewrite(Pieces& out) const;
  void find_spans(std::string_view text, Pieces::Buffers& buffers) const;
  void split(const Piece& piece, Pieces& out) const;
};

}  // namespace lm
