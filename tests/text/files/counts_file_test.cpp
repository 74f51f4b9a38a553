#include "text/files/counts_file.h"

#include <doctest/doctest.h>

#include <string>

#include "base/error.h"

namespace {

lm::CountsHeader read_counts(lm::PretokenCounts& counts, std::string_view text) {
  lm::CountsReader reader(counts, "a test");
  reader.feed(text);
  return reader.finish();
}

}  // namespace

TEST_CASE("counts survive being written and read, and add up") {
  lm::PretokenCounts counts, read;
  counts.add("a", std::uint64_t{1} << 40);
  counts.add(std::string_view("\0\xFF \n", 4), 3);
  const std::string text = lm::counts_to_text(counts, lm::Pattern::none, lm::PretokenCounter::Unit::document);
  for (int i = 0; i < 2; ++i) {
    const lm::CountsHeader header = read_counts(read, text);
    CHECK(header.pattern == lm::Pattern::none);
    CHECK(header.unit == lm::PretokenCounter::Unit::document);
  }
  REQUIRE(read.size() == 2);
  CHECK(read.count(0) == std::uint64_t{1} << 41);
  CHECK(read.pretoken(1) == std::string_view("\0\xFF \n", 4));
  for (std::size_t cut = 0; cut < text.size(); ++cut) {
    if (cut > 0 && text[cut - 1] == '\n') continue;
    CHECK_THROWS_AS(read_counts(read, text.substr(0, cut)), lm::Error);
  }
}
