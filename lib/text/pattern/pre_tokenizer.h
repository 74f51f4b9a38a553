// The "pre_tokenizer" of a tokenizer.json, step by step as Hugging Face's tokenizers 0.23 takes it: every component, whatever
// it rewrites. The families of pretokenizer.h are faster.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "text/pattern/regex.h"

namespace lm {

/// A piece of Pieces::text. `first`: what it was made of begins at the very start of the input.
struct Piece {
  std::size_t begin, end;
  bool first;
};

/// What a section is cut into: the pieces in order, never empty, and the text that they are cut from, which steps may have
/// rewritten. Reuse it: its buffers, and those of the steps, are kept.
struct Pieces {
  std::string text;
  std::vector<Piece> pieces;

  struct Span {
    std::size_t begin, end;
    bool is_match;
  };
  struct Buffers {
    std::string text;
    std::vector<Piece> pieces;
    std::vector<Span> spans;
    std::vector<Regex::Match> matches;
    Regex::Scratch regex;
    std::size_t first_size = 0;  // so many bytes of the text are made of the first character of the input
  };
  Buffers buffers;
};

class PreTokenizer {
 public:
  /// Reads a tokenizer.json's "pre_tokenizer"; null takes each section as one piece. Throws Error, naming `source`, for what
  /// the library refuses, a type that is not known, and an expression that cannot be had exactly.
  static PreTokenizer from_json(const JsonValue& value, std::string_view source);

  /// Cuts a section of the input: the text between added tokens, after the normalizer. section_is_first: it begins where the
  /// input does. Any bytes: each maximal invalid part of UTF-8 counts as one character of no class. Throws Error if an
  /// expression would take too long.
  void split(std::string_view section, bool section_is_first, Pieces& out) const;

  /// Returns whether every text may be cut between a letter or number and a following ' ', and its parts be split as sections of
  /// their own (section_is_first only for the first), without a difference.
  bool cuts_before_blank() const { return cuts_before_blank_; }
  /// Returns the same for a following ' ' or '\n'.
  bool cuts_before_space() const { return cuts_before_space_; }
  /// Returns whether cuts_before_blank() is so behind everything that is visible in ASCII.
  bool cuts_behind_visible() const;
  /// Returns whether it removes whitespace and isolates punctuation, and does nothing else.
  bool isolates_punctuation() const;
  bool is_null() const { return steps_.empty(); }

  struct Step;

 private:
  std::vector<std::shared_ptr<const Step>> steps_;
  bool cuts_before_blank_ = false;
  bool cuts_before_space_ = false;
};

}  // namespace lm
