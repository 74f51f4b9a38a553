#include "text/special_matcher.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "base/error.h"
#include "base/rng.h"
#include "support/memory_limit.h"
#include "text/text_support.h"

using namespace lm;

namespace {

using Match = SpecialMatcher::Match;

/// What SpecialMatcher promises, as it is said: leftmost, then longest, and undecided if more text could change that.
Match find_plainly(const std::vector<std::string>& spellings, std::string_view text, std::size_t from, bool final) {
  for (std::size_t start = from; start < text.size(); ++start) {
    const std::string_view rest = text.substr(start);
    Match match;
    for (std::size_t i = 0; i < spellings.size(); ++i) {
      if (!final && spellings[i].size() > rest.size() && spellings[i].starts_with(rest))
        return {Match::Kind::undecided, start, 0, 0};
      if (rest.starts_with(spellings[i]) && spellings[i].size() > match.length)
        match = {Match::Kind::found, start, spellings[i].size(), static_cast<TokenId>(i)};
    }
    if (match.kind == Match::Kind::found) return match;
  }
  return {};
}

std::string random_text(Rng& rng, std::size_t length, int letters) {
  std::string text;
  for (std::size_t i = 0; i < length; ++i) text += static_cast<char>('a' + static_cast<int>(rng.uniform() * letters));
  return text;
}

}  // namespace

TEST_CASE("matches are those of trying every spelling at every place") {
  Rng rng(3, RngPurpose::test);
  for (int round = 0; round < 400; ++round) {
    std::vector<std::string> spellings;
    SpecialMatcher matcher;
    const int letters = 1 + round % 3;
    for (int i = 0; i < 1 + round % 9; ++i) {
      spellings.push_back(random_text(rng, 1 + static_cast<std::size_t>(rng.uniform() * 6), letters));
      matcher.add(spellings.back(), static_cast<TokenId>(i));
    }
    for (int trial = 0; trial < 20; ++trial) {
      const std::string text = random_text(rng, static_cast<std::size_t>(rng.uniform() * 20), letters + 1);
      for (const bool final : {false, true}) {
        const Match expected = find_plainly(spellings, text, 0, final), found = matcher.find(text, 0, final);
        REQUIRE(found.kind == expected.kind);
        REQUIRE(found.position == expected.position);
        REQUIRE(found.length == expected.length);
        if (found.kind == Match::Kind::found) REQUIRE(found.id == expected.id);
      }
    }
  }
}

TEST_CASE("a tokenizer with an added token of 4 MB takes a few times its size") {
  const test::Training training;
  PretokenStore counts({});
  counts.add(0, "the");
  BpeTrainerOptions options = test::options_of(training);
  std::string spelling(4'000'000, 'x');
  for (std::size_t i = 0; i < spelling.size(); i += 7) spelling[i] = static_cast<char>('a' + i % 26);
  options.special_tokens.push_back(spelling);
  const std::string json = Tokenizer(train_bpe(counts, options), {}, "a test's tokenizer").to_json();
  const auto outcome = test::with_memory_limit(std::uint64_t{64} << 20U, [&] {
    const Tokenizer tokenizer = Tokenizer::from_json(json, "a test's file", {});
    const std::optional<TokenId> id = tokenizer.id_of(spelling);
    const std::vector<TokenId> ids = tokenizer.encode("y" + spelling + "z", SpecialTokens::allow);
    LM_CHECK(id && ids.size() == 3 && ids[1] == *id);
  });
  CHECK(outcome == test::Outcome::accepted);
}
