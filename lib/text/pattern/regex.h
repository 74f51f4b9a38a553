// Regular expressions as Oniguruma (Ruby's syntax, Unicode 16.0) takes them in Hugging Face's Split. Behind it: PCRE2, used only
// in regex.cpp. The expression's sets of characters cut all code points into at most 255 classes; PCRE2 sees one byte for each
// character, its class: so its own tables do not matter, invalid UTF-8 is a character like others, and every set is a bitmap.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "text/unicode/code_points.h"

namespace lm {

class Regex {
 public:
  /// Compiles an expression. Throws Error, naming `source`, if it is invalid, or has what cannot be translated exactly.
  Regex(std::string_view expression, std::string_view source);

  struct Match {
    std::size_t begin, end;  // bytes
  };

  /// Buffers of find_all(), for one thread; what is copied is an empty one.
  class Scratch {
   public:
    Scratch();
    ~Scratch();
    Scratch(const Scratch&);
    Scratch(Scratch&&) noexcept;
    Scratch& operator=(const Scratch&);
    Scratch& operator=(Scratch&&) noexcept;

   private:
    friend class Regex;
    struct State;
    std::unique_ptr<State> state_;
  };

  /// Finds the matches from left to right as Oniguruma's search does, empty ones included unless they touch the match before.
  /// Throws Error if it would take too many steps or too much memory.
  void find_all(std::string_view text, Scratch& scratch, std::vector<Match>& matches) const;

  /// Returns whether the matches of any text stay the same if it is cut between a letter or number and a following ' ' or '\n':
  /// known only of plain expressions.
  bool ignores_cut_before_space() const { return ignores_cut_; }

 private:
  struct Program;
  void match_all(std::string_view text, Scratch& scratch, std::vector<Match>& matches) const;
  void set_matches(std::string_view text, std::vector<Match>& matches) const;

  std::string expression_;
  std::shared_ptr<const Program> program_;
  std::shared_ptr<const CodePointTable> classes_;
  std::size_t set_at_most_ = 0;  // if not 0, the expression is one set, taken at most so often: class 2
  bool ignores_cut_ = false;
};

}  // namespace lm
