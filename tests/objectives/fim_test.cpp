#include "objectives/fim.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "base/error.h"
#include "objectives/fim_layout.h"
#include "support/byte_tokenizer.h"

using namespace lm;
using lm::test::ByteTokenizer;

namespace {

struct Inverted {
  std::string text;
  bool transformed = false;
  bool suffix_first = false;
  std::size_t prefix_size = 0, middle_size = 0;
};

/// The text of one piece, out of a sequence that holds only it (end-of-text in front).
Inverted invert(const std::vector<TokenId>& sequence, const ByteTokenizer& tokenizer) {
  const auto find = [&](TokenId id) { return std::find(sequence.begin(), sequence.end(), id) - sequence.begin(); };
  const auto text = [&](std::ptrdiff_t first, std::ptrdiff_t last) {
    return test::text_of(tokenizer, {sequence.begin() + first, sequence.begin() + last});
  };
  const auto size = static_cast<std::ptrdiff_t>(sequence.size());
  if (size < 2 || sequence[1] != ByteTokenizer::kPrefix) return {.text = text(1, size)};
  REQUIRE(sequence.back() == 0);  // end-of-text after the middle
  const std::ptrdiff_t suffix = find(ByteTokenizer::kSuffix), middle = find(ByteTokenizer::kMiddle);
  if (suffix == 2) {  // suffix first, or prefix first with an empty prefix: the same sequence
    const std::string rest = text(middle + 1, size - 1);
    return {.text = rest + text(suffix + 1, middle),
            .transformed = true,
            .suffix_first = true,
            .prefix_size = 0,
            .middle_size = rest.size()};
  }
  const std::string prefix_text = text(2, suffix), middle_text = text(middle + 1, size - 1);
  return {.text = prefix_text + middle_text + text(suffix + 1, middle),
          .transformed = true,
          .suffix_first = false,
          .prefix_size = prefix_text.size(),
          .middle_size = middle_text.size()};
}

std::vector<TokenId> sequence_of(const Example& example) {
  std::vector<TokenId> sequence = {example.input[0]};
  for (std::size_t i = 0; i < example.weight.size() && example.weight[i] != 0; ++i) sequence.push_back(example.target[i]);
  return sequence;
}

std::vector<TokenId> random_piece(Rng& rng, std::int64_t most) {
  std::vector<TokenId> ids(static_cast<std::size_t>(rng.below(static_cast<std::uint64_t>(most) + 1)));
  for (TokenId& id : ids) {
    // Letters, multi-byte characters cut anywhere, invalid bytes, pairs, another special token.
    const std::uint64_t kind = rng.below(10);
    id = kind == 0   ? ByteTokenizer::kOther
         : kind < 4  ? ByteTokenizer::kByte + static_cast<TokenId>(rng.below(256))
         : kind == 4 ? ByteTokenizer::kByte + '\n'
                     : ByteTokenizer::kByte + 'a' + static_cast<TokenId>(rng.below(26));
    if (kind == 9) id = ByteTokenizer::kByte + 256 + static_cast<TokenId>(rng.below(8));
  }
  return ids;
}

}  // namespace

TEST_CASE("fim: 100,000 random pieces invert to their text exactly, with every cut") {
  const ByteTokenizer tokenizer;
  Rng words(7, RngPurpose::test);
  int transformed = 0;
  const int draws = 100000;
  std::array<std::unique_ptr<Objective>, 3> objectives;
  for (const FimCut cut : {FimCut::character, FimCut::token, FimCut::line}) {
    ObjectiveOptions options = tokenizer.options(40);
    options.fim_cut = cut;
    objectives[static_cast<std::size_t>(cut)] = make_fim(options);
  }
  for (int draw = 0; draw < draws; ++draw) {
    const std::vector<TokenId> piece = random_piece(words, 32);
    const std::vector<WindowPiece> pieces = {
        {.begin = 0, .end = static_cast<std::int64_t>(piece.size()), .ends_document = false}};
    Rng rng(8, RngPurpose::objective, static_cast<std::uint64_t>(draw));
    const Example example = objectives[static_cast<std::size_t>(draw % 3)]->make(
        {.tokens = piece, .first_valid = 0, .end_valid = static_cast<std::int64_t>(piece.size()), .pieces = pieces}, rng);
    const Inverted inverted = invert(sequence_of(example), tokenizer);
    REQUIRE(inverted.text == test::text_of(tokenizer, piece));
    transformed += inverted.transformed;
    REQUIRE(example.untransformed == 0);
  }
  CHECK(transformed == doctest::Approx(0.5 * draws).epsilon(0.015));
}

TEST_CASE("fim: fim_rate of the pieces are rearranged, spm_rate of those suffix first") {
  const ByteTokenizer tokenizer;
  ObjectiveOptions options = tokenizer.options(40);
  options.fim_rate = 0.6;
  options.spm_rate = 0.25;
  const auto objective = make_fim(options);
  const std::vector<TokenId> piece(30, ByteTokenizer::kByte + 'a');
  const std::vector<WindowPiece> pieces = {{.begin = 0, .end = 30, .ends_document = false}};
  double transformed = 0, suffix_first = 0;
  const int draws = 100000;
  for (int draw = 0; draw < draws; ++draw) {
    Rng rng(11, RngPurpose::objective, static_cast<std::uint64_t>(draw));
    const Inverted inverted =
        invert(sequence_of(objective->make({.tokens = piece, .first_valid = 0, .end_valid = 30, .pieces = pieces}, rng)),
               tokenizer);
    transformed += inverted.transformed;
    suffix_first += inverted.suffix_first;
  }
  CHECK(transformed / draws == doctest::Approx(0.6).epsilon(0.01));
  // Prefix first with an empty prefix looks the same: one of two points in [0, 30] is 0.
  const double empty_prefix = 1.0 - 30.0 * 30.0 / (31.0 * 31.0);
  CHECK(suffix_first / transformed == doctest::Approx(0.25 + 0.75 * empty_prefix).epsilon(0.03));
}

TEST_CASE("fim: if encoding anew takes more than the window holds, the last pieces are cut between tokens, and counted") {
  // Knows no pairs when it encodes, so that every piece doubles.
  class Doubling : public ByteTokenizer {
   public:
    std::vector<TokenId> encode(std::string_view bytes) const override {
      std::vector<TokenId> ids;
      for (const char byte : bytes) ids.push_back(kByte + static_cast<unsigned char>(byte));
      return ids;
    }
  };
  const Doubling tokenizer;
  ObjectiveOptions options = tokenizer.options(63);
  options.fim_rate = 1.0;
  const auto objective = make_fim(options);
  const std::vector<TokenId> tokens(30, ByteTokenizer::kByte + 256);  // "th"
  std::vector<WindowPiece> pieces;
  for (std::int64_t i = 0; i < 3; ++i) pieces.push_back({.begin = 10 * i, .end = 10 * i + 10, .ends_document = true});
  Rng rng(12, RngPurpose::objective);
  const Example example = objective->make({.tokens = tokens, .first_valid = 0, .end_valid = 30, .pieces = pieces}, rng);
  CHECK(example.token_cuts == 1);  // 1 + 24 + 24 + 24 places are too many for 64, 1 + 24 + 24 + 14 are not
}

TEST_CASE("fim: cut points are uniform over characters, empty parts included") {
  const ByteTokenizer tokenizer;
  ObjectiveOptions options = tokenizer.options(40);
  options.fim_rate = 1.0;
  options.spm_rate = 0.0;
  const auto objective = make_fim(options);
  const std::vector<TokenId> piece = tokenizer.encode("ab\xC3\xA9x");  // 4 characters, 5 bytes
  const std::vector<WindowPiece> pieces = {
      {.begin = 0, .end = static_cast<std::int64_t>(piece.size()), .ends_document = true}};
  std::array<std::array<int, 6>, 6> times{};  // by the bytes before and in the middle
  const int draws = 100000;
  for (int draw = 0; draw < draws; ++draw) {
    Rng rng(9, RngPurpose::objective, static_cast<std::uint64_t>(draw));
    const Example example = objective->make(
        {.tokens = piece, .first_valid = 0, .end_valid = static_cast<std::int64_t>(piece.size()), .pieces = pieces}, rng);
    const Inverted inverted = invert(sequence_of(example), tokenizer);
    times[inverted.prefix_size][inverted.prefix_size + inverted.middle_size] += 1;
  }
  const std::array<std::size_t, 5> places = {0, 1, 2, 4, 5};  // never 3: inside a character
  for (std::size_t a = 0; a < 5; ++a) {
    for (std::size_t b = a; b < 5; ++b) {
      CHECK(times[places[a]][places[b]] == doctest::Approx(draws * (a == b ? 1 : 2) / 25.0).epsilon(0.06));
    }
  }
}

TEST_CASE("fim: a window packs its pieces, keeps end-of-text where a document ends, and leaves FIM tokens alone") {
  const ByteTokenizer tokenizer;
  ObjectiveOptions options = tokenizer.options(64);
  options.fim_rate = 1.0;
  const auto objective = make_fim(options);
  std::vector<TokenId> tokens = tokenizer.encode("one two three");
  const auto first = static_cast<std::int64_t>(tokens.size());
  tokens.push_back(ByteTokenizer::kMiddle);
  tokens.push_back(ByteTokenizer::kByte + 'x');
  const auto second = static_cast<std::int64_t>(tokens.size());
  const std::vector<WindowPiece> pieces = {{.begin = 0, .end = first, .ends_document = true},
                                           {.begin = first, .end = second, .ends_document = true},
                                           {.begin = second, .end = second, .ends_document = true}};
  Rng rng(10, RngPurpose::objective);
  const Example example = objective->make({.tokens = tokens, .first_valid = 0, .end_valid = second, .pieces = pieces}, rng);
  const std::vector<TokenId> sequence = sequence_of(example);
  CHECK(example.untransformed == 1);
  CHECK(std::count(sequence.begin(), sequence.end(), 0) == 4);  // in front, and after each document
  CHECK(std::count(sequence.begin(), sequence.end(), TokenId{ByteTokenizer::kPrefix}) == 2);
  CHECK(std::count(sequence.begin(), sequence.end(), TokenId{ByteTokenizer::kMiddle}) == 3);
  CHECK(example.weight[sequence.size() - 1] == 0.0f);
}

TEST_CASE("fim: layouts arrange the parts as they say, and tokens that are missing are named") {
  const FimTokens tokens{.prefix = 100, .suffix = 101, .middle = 102};
  const std::vector<TokenId> p = {1, 2}, s = {3}, m = {4, 5};
  CHECK(arrange_fim(find_fim_layout("psm"), tokens, p, s, m) == std::vector<TokenId>{100, 1, 2, 101, 3, 102, 4, 5});
  CHECK(arrange_fim(find_fim_layout("spm"), tokens, p, s, m) == std::vector<TokenId>{100, 101, 3, 102, 1, 2, 4, 5});
  CHECK(arrange_fim(find_fim_layout("spm-llama.cpp"), tokens, p, s, m) ==
        std::vector<TokenId>{101, 3, 100, 1, 2, 102, 4, 5});
  CHECK_THROWS_AS(find_fim_layout("pms"), Error);
  const ByteTokenizer tokenizer;
  ObjectiveOptions options = tokenizer.options(64);
  options.vocab_size = ByteTokenizer::kMiddle;
  CHECK_THROWS_WITH_AS(make_fim(options), doctest::Contains("<|fim_middle|>, id 4, which is beyond"), Error);
  options.special.fim_suffix.reset();
  CHECK_THROWS_WITH_AS(make_fim(options), "objective 'fim' needs the token <|fim_suffix|>, which the tokenizer lacks",
                       Error);
}

TEST_CASE("fim: a piece whose parts would be encoded with ids that the model lacks is cut between tokens, and counted") {
  const ByteTokenizer tokenizer;
  ObjectiveOptions options = tokenizer.options(40);
  options.fim_rate = 1.0;
  options.vocab_size = ByteTokenizer::kByte + 256;  // no pairs
  const auto objective = make_fim(options);
  for (const std::string text : {"xthyhezthx", "abcdfg"}) {
    std::vector<TokenId> piece;
    for (const char c : text) piece.push_back(ByteTokenizer::kByte + static_cast<unsigned char>(c));
    const auto size = static_cast<std::int64_t>(piece.size());
    const std::vector<WindowPiece> pieces = {{.begin = 0, .end = size, .ends_document = false}};
    std::int64_t cuts = 0;
    for (std::uint64_t draw = 0; draw < 200; ++draw) {
      Rng rng(12, RngPurpose::objective, draw);
      const Example example = objective->make({.tokens = piece, .first_valid = 0, .end_valid = size, .pieces = pieces}, rng);
      for (const TokenId id : example.input) CHECK(id < options.vocab_size);
      CHECK(invert(sequence_of(example), tokenizer).text == text);
      cuts += example.token_cuts;
    }
    CHECK((cuts > 150) == (text.find("th") != std::string::npos));
    CHECK((cuts > 0) == (text.find("th") != std::string::npos));
  }
}
