#include "base/little_endian.h"

#include <doctest/doctest.h>

#include <cstdint>

using namespace lm;

TEST_CASE("the least significant byte comes first") {
  CHECK(little_bytes(std::uint16_t{0x0102}) == "\x02\x01");
  CHECK(little_bytes(std::uint32_t{0x80FF0102}) == "\x02\x01\xFF\x80");
  CHECK(little_bytes(std::uint64_t{0xFF}) == std::string("\xFF\0\0\0\0\0\0\0", 8));
  CHECK(little_bytes(std::int32_t{-2}) == "\xFE\xFF\xFF\xFF");
  CHECK(load_little<std::uint16_t>("\xFE\xFF") == 0xFFFE);
  CHECK(load_little<std::int32_t>("\xFE\xFF\xFF\xFF") == -2);
}

TEST_CASE("numbers at odd places come back") {
  std::string bytes(20, '\0');
  for (const std::uint64_t value :
       {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{0x8000000000000001}, ~std::uint64_t{0}}) {
    store_little(bytes.data() + 3, value);
    CHECK(load_little<std::uint64_t>(bytes.data() + 3) == value);
    CHECK(bytes[2] == '\0');
    CHECK(bytes[11] == '\0');
  }
}
