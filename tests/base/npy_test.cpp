#include "base/npy.h"

#include <doctest/doctest.h>

#include <array>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "base/row_spool.h"
#include "support/string_output.h"
#include "support/test_data.h"

namespace lm {

TEST_CASE("a header is NumPy's, padded to 128 bytes whatever the numbers") {
  std::string expected =
      std::string("\x93NUMPY\x01\x00\x76\x00", 10) + "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), }";
  expected.resize(127, ' ');
  CHECK(npy_header(3, 2) == expected + '\n');
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  CHECK(npy_header(kMost, kMost).size() == 128);
}

TEST_CASE("rows are written as they come where the header can be corrected, and are spooled where it cannot") {
  const test::TemporaryFolder folder;
  const std::array<std::array<float, 2>, 3> rows = {{{1, -2.5}, {0, 1e-30f}, {3, 4}}};
  const auto write = [&](OutputStream& output) {
    NpyWriter writer(output, 2, folder.path(""));
    for (const auto& row : rows) writer.add(row);
    writer.finish();
  };
  const std::string path = folder.path("a.npy");
  const auto file = open_output(path);
  REQUIRE(file->can_patch());
  write(*file);
  file->close();
  test::StringOutput text;
  REQUIRE(!text.can_patch());
  write(text);
  std::string numbers(24, '\0');
  std::memcpy(numbers.data(), rows.data(), 24);  // little-endian, as the test's machine
  CHECK(test::read_file(path) == npy_header(3, 2) + numbers);
  CHECK(text.text == npy_header(3, 2) + numbers);
}

TEST_CASE("a spool gives rows back any number of times, across its pieces, and none of none") {
  const test::TemporaryFolder folder;
  for (const std::int64_t columns : {1, 3, 70000}) {
    RowSpool spool(folder.path(""), columns);
    const std::int64_t count = columns == 1 ? 100000 : 5;
    std::vector<float> row(static_cast<std::size_t>(columns));
    for (std::int64_t i = 0; i < count; ++i) {
      for (std::size_t j = 0; j < row.size(); ++j) row[j] = static_cast<float>(i * columns) + static_cast<float>(j);
      spool.add(row);
    }
    spool.finish();
    for (int time = 0; time < 2; ++time) {
      std::int64_t next = 0;
      bool same = true;
      spool.for_each([&](std::span<const float> got) {
        same = same && std::ssize(got) == columns && got.front() == static_cast<float>(next * columns) &&
               got.back() == static_cast<float>(next * columns) + static_cast<float>(columns - 1);
        ++next;
      });
      CHECK(same);
      CHECK(next == count);
    }
  }
  RowSpool none(folder.path(""), 4);
  none.finish();
  none.for_each([](std::span<const float>) { FAIL("a row of none"); });
}

}  // namespace lm
