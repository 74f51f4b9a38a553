// Replacing every match of a string or an expression, as Hugging Face's Replace does for normalizers and decoders.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"

namespace lm {

/// Appends the matches in `text` from left to right: of each its first byte and its end. An empty match right behind another
/// is none.
using MatchFinder = std::function<void(std::string_view text, std::vector<std::pair<std::size_t, std::size_t>>& matches)>;
/// Returns a finder for an expression, or throws Error if the expression cannot be used.
using MatchFinderFactory = std::function<MatchFinder(const std::string& expression)>;

/// A pattern and what replaces its matches.
class Replacement {
 public:
  /// Reads {"pattern": {"String": ...} or {"Regex": ...}, "content": ...}. One character or \s with a quantifier (" {2,}",
  /// "\s+") and plain text are understood here; other expressions go to `factory`, and without one are refused.
  static Replacement from_json(const JsonValue& value, std::string_view source, const MatchFinderFactory& factory);

  static Replacement of_literal(std::string_view literal, std::string_view content);

  /// Appends `text` with every match replaced; near-linear time.
  void append(std::string_view text, std::string& out) const;
  /// Returns the string that is looked for, or null if it is an expression.
  const std::string* literal() const { return is_literal() ? &literal_ : nullptr; }
  /// Returns whether the pattern is a run of one kind of character, and whether that character is whitespace.
  bool is_run() const { return !find_ && minimum_ > 0; }
  bool is_run_of_spaces() const;
  const std::string& content() const { return content_; }

 private:
  bool is_literal() const { return !find_ && minimum_ == 0; }
  bool parse_run(std::string_view expression);
  void append_literal(std::string_view text, std::string& out) const;
  void append_around_all(std::string_view text, std::string& out) const;
  void append_run(std::string_view text, std::string& out) const;
  void append_found(std::string_view text, std::string& out) const;

  std::string literal_, content_;  // literal_ of a run: its character, empty for \s
  std::size_t minimum_ = 0;        // of a run's characters
  std::size_t maximum_ = 0;
  MatchFinder find_;
};

}  // namespace lm
