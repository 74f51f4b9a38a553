#include "text/training/text_counter.h"

#include <doctest/doctest.h>

#include <map>
#include <string>

#include "base/rng.h"
#include "text/pattern/pretokenizer.h"
#include "text/text_support.h"
#include "text/uncut_text.h"

namespace {

using Counted = std::map<std::string, std::uint64_t>;

/// Each unit by itself, one pretoken after the other.
void count_plainly(Counted& counted, std::string_view document, const lm::CountsHeader& header) {
  while (!document.empty()) {
    const std::size_t newline = header.unit == lm::CountingUnit::line ? document.find('\n') : std::string_view::npos;
    std::string_view unit = document.substr(0, newline == std::string_view::npos ? document.size() : newline + 1);
    document.remove_prefix(unit.size());
    while (!unit.empty()) {
      const std::size_t length = lm::next_pretoken(header.pattern, unit).length;
      ++counted[std::string(unit.substr(0, length))];
      unit.remove_prefix(length);
    }
  }
}

/// Words and whitespace of all kinds, in long stretches.
std::string prose(lm::Rng& rng, std::uint64_t words) {
  static constexpr std::string_view kSpaces[] = {" ",  " ",    " ",   " ",      "\n",         "\n",           "  ",
                                                 "\t", "\r\n", " \n", "\n\n  ", "\xC2\xA0\n", "\xE3\x80\x80", " \t\n \n"};
  static constexpr std::string_view kWords[] = {
      "the", "don't", "caf\xC3\xA9",      "42",  "x1",  "\xE4\xB8\xAD\xE6\x96\x87", "!?",
      "/",   "'",     "\xF0\x9F\x99\x82", "End", "\xFF"};
  std::string text;
  for (std::uint64_t i = 0; i < words; ++i) {
    text += kWords[rng.below(std::size(kWords))];
    text += kSpaces[rng.below(std::size(kSpaces))];
  }
  return text;
}

}  // namespace

TEST_CASE("counts do not depend on blocks, pieces or threads, with any pattern and unit") {
  lm::Rng rng(11, lm::RngPurpose::test);
  for (int round = 0; round < 400; ++round) {
    const auto& patterns = lm::kChoices<lm::Pattern>.choices;
    const lm::CountsHeader header = {patterns[rng.below(patterns.size())].value,
                                     rng.below(2) == 0 ? lm::CountingUnit::line : lm::CountingUnit::document};
    const int threads = 1 + static_cast<int>(rng.below(3));
    lm::ThreadPool pool(threads);
    lm::PretokenStore store({.threads = threads});
    lm::TextCounter counter({.header = header, .block = 1 + rng.below(300)}, store, pool);
    Counted expected, counted;
    for (std::uint64_t documents = rng.below(4); documents > 0; --documents) {
      const std::string text = rng.below(2) == 0 ? lm::test::random_text(rng, 200) : prose(rng, rng.below(300));
      count_plainly(expected, text, header);
      for (std::string_view rest = text; !rest.empty();) {
        const std::size_t piece = std::min<std::size_t>(rest.size(), 1 + rng.below(100));
        counter.feed(rest.substr(0, piece));
        rest.remove_prefix(piece);
      }
      counter.end_document();
    }
    counter.finish();
    store.finish();
    store.for_each([&](std::string_view pretoken, std::uint64_t count) { counted.emplace(pretoken, count); });
    CAPTURE(lm::to_string(header.pattern));
    CAPTURE(lm::to_string(header.unit));
    REQUIRE(counted == expected);
  }
}

TEST_CASE("text that cannot be cut is held only as far as memory allows") {
  lm::ThreadPool pool(1);
  lm::PretokenStore store({});
  lm::TextCounter counter({.header = {lm::Pattern::none, lm::CountingUnit::document}, .block = 1000, .held = 1 << 20}, store,
                          pool);
  CHECK_THROWS_AS(
      [&] {
        for (int i = 0; i < 3000; ++i) counter.feed(std::string(1000, 'a'));
      }(),
      lm::UncutText);
}
