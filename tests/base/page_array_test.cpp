#include "base/page_array.h"

#include <doctest/doctest.h>

#include <cstdint>

TEST_CASE("an array of pages begins as zeros and keeps its elements while it grows") {
  lm::PageArray<std::uint32_t> array;
  CHECK(array.bytes() == 0);
  for (std::uint32_t size : {1U, 1000U, 5000U, 300000U}) {
    const std::size_t before = array.size();
    array.resize(size);
    for (std::size_t i = before; i < size; ++i) REQUIRE(array[i] == 0);
    for (std::size_t i = 0; i < before; ++i) REQUIRE(array[i] == i + 1);
    for (std::uint32_t i = 0; i < size; ++i) array[i] = i + 1;
    CHECK(array.bytes() >= size * sizeof(std::uint32_t));
    CHECK(array.bytes() < size * sizeof(std::uint32_t) + 65536);
  }
  array.reset();
  CHECK(array.bytes() == 0);
  CHECK(array.size() == 0);
}
