#include "text/pattern/word_cuts.h"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "text/mixed_text.h"

using lm::WordCuts;

namespace {

using Starts = std::vector<std::size_t>;

Starts expected_starts(WordCuts cuts, std::string_view text) {
  Starts starts = {0};
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (lm::is_word_cut(cuts, static_cast<unsigned char>(text[i - 1]), static_cast<unsigned char>(text[i])))
      starts.push_back(i);
  }
  if (!text.empty()) starts.push_back(text.size());
  return starts;
}

Starts starts_of(WordCuts cuts, lm::SimdTier tier, std::string_view text) {
  lm::WordSpans spans(cuts, tier);
  spans.begin(text);
  Starts starts = {0};
  while (const std::size_t count = spans.next()) {
    REQUIRE(spans.starts()[0] == starts.back());
    starts.insert(starts.end(), spans.starts() + 1, spans.starts() + count + 1);
  }
  return starts;
}

}  // namespace

TEST_CASE("every SIMD tier cuts words where the reference does, and reads nothing behind the text") {
  lm::Rng random(61, lm::RngPurpose::test);
  for (int i = 0; i < 600; ++i) {
    std::string text = lm::test::mixed_text(random, random.below(900), i % 2 == 0 ? lm::test::kMixedAlphabet.size() : 22);
    if (i % 3 == 0) {
      for (char& c : text) c = static_cast<char>(random.below(160));
    }
    const auto exact = std::make_unique<char[]>(text.size());  // a sanitizer sees what is read behind it
    std::copy(text.begin(), text.end(), exact.get());
    const std::string_view held(exact.get(), text.size());
    for (const WordCuts cuts : {WordCuts::none, WordCuts::before_blank, WordCuts::around_punctuation}) {
      const Starts expected = expected_starts(cuts, text);
      for (const lm::SimdTier tier : lm::simd_tiers()) REQUIRE(starts_of(cuts, tier, held) == expected);
    }
  }
}

TEST_CASE("words end before blanks and around punctuation, and never beside controls or what is not ASCII") {
  CHECK(expected_starts(WordCuts::before_blank, "it's  so, \"\xC3\xA9t\xC3\xA9\" now") == Starts{0, 4, 9, 17, 21});
  CHECK(expected_starts(WordCuts::around_punctuation, "it's  so,\nx\x01 \xC3\xA9, a") == Starts{0, 2, 3, 4, 8, 9, 16, 18});
}
