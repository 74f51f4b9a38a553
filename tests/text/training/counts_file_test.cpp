#include "text/training/counts_file.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "support/string_output.h"

namespace {

struct Row {
  std::string pretoken;
  std::uint64_t count;
  bool operator==(const Row&) const = default;
};

std::string written(const std::vector<Row>& rows, const lm::CountsHeader& header) {
  lm::test::StringOutput output;
  lm::CountsWriter writer(output, header);
  for (const Row& row : rows) writer.add(row.pretoken, row.count);
  writer.finish();
  return output.text;
}

/// Returns a reader of a file in memory, which must outlive it.
lm::CountsReader read_counts_text(std::string_view bytes, std::string source) {
  return lm::CountsReader(
      [bytes](void* buffer, std::size_t size) mutable {
        const std::size_t count = std::min(size, bytes.size());
        std::memcpy(buffer, bytes.data(), count);
        bytes.remove_prefix(count);
        return count;
      },
      std::move(source));
}

std::vector<Row> rows_of(std::string_view file) {
  lm::CountsReader reader = read_counts_text(file, "a test");
  std::vector<Row> rows;
  while (reader.next()) rows.push_back({std::string(reader.pretoken()), reader.count()});
  return rows;
}

const std::vector<Row> kRows = {
    {std::string("\0\xFF \n", 4), 3}, {" a", std::uint64_t{1} << 40}, {" ab", 1}, {" ac", UINT64_MAX}, {"b", 300},
    {std::string(300, 'b'), 7},       {std::string(301, 'b'), 128},   {"\xFF", 1}};
const lm::CountsHeader kHeader = {lm::Pattern::deepseek_coder, lm::CountingUnit::document};

}  // namespace

TEST_CASE("counts are read as they were written, and the header too") {
  const std::string file = written(kRows, kHeader);
  CHECK(rows_of(file) == kRows);
  CHECK(rows_of(written({}, {})).empty());
  const lm::CountsReader reader = read_counts_text(file, "a test");
  CHECK(reader.header().pattern == lm::Pattern::deepseek_coder);
  CHECK(reader.header().unit == lm::CountingUnit::document);
}

TEST_CASE("counts that were cut, joined, or changed in one bit are refused") {
  const std::string file = written(kRows, kHeader);
  for (std::size_t size = 0; size < file.size(); ++size) CHECK_THROWS_AS(rows_of(file.substr(0, size)), lm::Error);
  CHECK_THROWS_WITH_AS(rows_of(file + file), doctest::Contains("something follows their end"), lm::Error);
  for (std::size_t bit = 0; bit < file.size() * 8; ++bit) {
    std::string changed = file;
    changed[bit / 8] = static_cast<char>(static_cast<unsigned char>(changed[bit / 8]) ^ (1U << (bit % 8)));
    CHECK_THROWS_AS(rows_of(changed), lm::Error);
  }
}

TEST_CASE("other versions are refused by name") {
  std::string file = written(kRows, kHeader);
  file[10] = '3';
  CHECK_THROWS_WITH_AS(rows_of(file), doctest::Contains("another version"), lm::Error);
  CHECK_THROWS_WITH_AS(rows_of("lm-counts 1 gpt2 line\n5\ta\n"), doctest::Contains("make it again"), lm::Error);
  std::string older = written(kRows, kHeader);
  older[48] = '9';
  CHECK_THROWS_WITH_AS(rows_of(older), doctest::Contains("version of Unicode"), lm::Error);
}

TEST_CASE("counts of several files add up in order, and sums beyond 64 bits are refused") {
  const std::string one = written({{"a", 1}, {"b", 2}, {"d", 4}}, {}), two = written({{"b", 8}, {"c", 16}}, {}),
                    none = written({}, {});
  std::vector<lm::CountsReader> readers;
  for (const std::string* file : {&one, &none, &two, &one}) readers.push_back(read_counts_text(*file, "a test"));
  std::vector<Row> sums;
  lm::merge_counts(readers, [&](std::string_view pretoken, std::uint64_t count) {
    sums.push_back({std::string(pretoken), count});
  });
  CHECK(sums == std::vector<Row>{{"a", 2}, {"b", 12}, {"c", 16}, {"d", 8}});
  const std::string large = written({{"a", UINT64_MAX}}, {});
  readers.clear();
  for (const std::string* file : {&one, &large}) readers.push_back(read_counts_text(*file, "a test"));
  CHECK_THROWS_AS(lm::merge_counts(readers, [](std::string_view, std::uint64_t) {}), lm::Error);
}
