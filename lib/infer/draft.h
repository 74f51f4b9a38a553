// Drafter: guesses how a text goes on from what is in it already.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "base/choice.h"
#include "base/token.h"

namespace lm {

/// Whether guesses are made and verified, several tokens in one step. The text is the same in any case.
enum class Drafting { automatic, off };
template <>
inline constexpr auto kChoices<Drafting> = choice_table<Drafting>("drafting",
                                                                  {{"auto", Drafting::automatic}, {"off", Drafting::off}});

/// Names of a program, lines of a table and phrases come again: after the longest end of the text that was there before, it may go
/// on as it did then (arXiv:2304.04487). Guesses are as long as pays, which is learned from the text and measured: how often a
/// match of a length was right, and what another row costs beside the one that has to be computed anyway.
class Drafter {
 public:
  explicit Drafter(std::span<const TokenId> text);

  /// Adds the token that came next.
  void add(TokenId token);
  /// Returns what may come next, at most so many tokens: none if there is no match or none would pay. Valid until the next call.
  std::span<const TokenId> guess(std::int64_t most);
  /// Takes note of how long a step took that computed so many rows.
  void measured(std::int64_t rows, double seconds);

 private:
  /// How often the next token was the one after matches of some length, recent ones counting more.
  struct Success {
    double hits, tries;
  };
  static constexpr std::size_t kKinds = 6;
  static std::size_t kind_of(std::int64_t length);
  void note();
  void find();
  std::int64_t match_length(std::int64_t place) const;
  std::int64_t worth_guessing(std::int64_t most) const;

  std::vector<TokenId> text_;
  std::unordered_map<std::uint64_t, std::int64_t> latest_;  // by two neighbours: the place after them
  std::vector<std::int64_t> earlier_ = {0};                 // by place: the one before with the same neighbours; 0: none
  std::int64_t match_ = 0;                                  // the place after the match; 0: none
  std::int64_t length_ = 0;                                 // of the match
  std::vector<TokenId> guess_;
  std::array<Success, kKinds> success_;
  double one_row_ = 0;     // seconds
  double another_ = 0.25;  // cost of each further row, in those of one
};

}  // namespace lm
