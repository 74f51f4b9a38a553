// Finding the tokens that are matched in text as a whole (special and other added tokens): leftmost, then longest.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/token.h"

namespace lm {

/// A tree of the spellings in which each node has the bytes up to the next fork, so that memory is that of the spellings and
/// two nodes for each, however long they are.
class SpecialMatcher {
 public:
  SpecialMatcher() { roots_.fill(kNone); }

  /// Adds a spelling, which is not empty.
  void add(std::string_view spelling, TokenId id);

  struct Match {
    enum class Kind { none, found, undecided } kind = Kind::none;
    std::size_t position = 0;  // of the match; undecided: where a spelling starts that the end of the text cuts off
    std::size_t length = 0;
    TokenId id = 0;
  };
  /// Returns the first match at or after `from`. Unless `final`, a spelling that more text could complete makes the answer
  /// undecided.
  Match find(std::string_view text, std::size_t from, bool final) const;

 private:
  static constexpr TokenId kNoToken = 0xFFFFFFFF;
  static constexpr std::uint32_t kNone = 0xFFFFFFFF;
  struct Node {
    std::uint32_t begin, length;  // its bytes, in bytes_: one at least
    std::uint32_t next;           // its sibling, whose first byte differs
    std::uint32_t child = kNone;
    TokenId id = kNoToken;
    char first;  // of its bytes
  };
  void split(std::uint32_t node, std::uint32_t length);
  std::uint32_t child_of(std::uint32_t node, char first) const;
  std::size_t next_candidate(std::string_view text, std::size_t from) const;
  Match match_at(std::string_view text, std::size_t start, bool final) const;

  std::string bytes_;
  std::vector<Node> nodes_;
  std::array<std::uint32_t, 256> roots_;  // the node of the spellings that start with a byte
  int starts_ = 0;                        // bytes that start a spelling
  char last_start_ = 0;                   // one of them
};

}  // namespace lm
