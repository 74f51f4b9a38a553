// Finding the tokens that are matched in text as a whole (special and other added tokens): leftmost, then longest.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "base/token.h"

namespace lm {

class SpecialMatcher {
 public:
  /// `spelling` is not empty.
  void add(std::string_view spelling, TokenId id);

  struct Match {
    enum class Kind { none, found, undecided } kind = Kind::none;
    std::size_t position = 0;  // of the match; undecided: where a spelling starts that the end of the text cuts off
    std::size_t length = 0;
    TokenId id = 0;
  };
  /// The first match at or after `from`. Unless `final`, a spelling that more text could complete makes the answer
  /// undecided.
  Match find(std::string_view text, std::size_t from, bool final) const;

 private:
  static constexpr TokenId kNoToken = 0xFFFFFFFF;
  struct Node {
    TokenId id = kNoToken;
    std::vector<std::pair<char, std::uint32_t>> children;
    const std::uint32_t* child(char byte) const;
  };
  std::size_t next_candidate(std::string_view text, std::size_t from) const;
  std::vector<Node> nodes_ = std::vector<Node>(1);
  std::array<bool, 256> starts_{};  // bytes that start a spelling
};

}  // namespace lm
