#include "text/training/pretoken_store.h"

#include <doctest/doctest.h>

#include <map>
#include <string>

#include "base/error.h"
#include "base/rng.h"

namespace {

using Counted = std::map<std::string, std::uint64_t>;

Counted counted(const lm::PretokenStore& store) {
  Counted result;
  store.for_each([&](std::string_view pretoken, std::uint64_t count) {
    REQUIRE(result.emplace(pretoken, count).second);  // once each
  });
  return result;
}

}  // namespace

TEST_CASE("counts are the same whatever the memory and the threads, and in order on request") {
  lm::Rng rng(3, lm::RngPurpose::test);
  for (const std::uint64_t memory : {std::uint64_t{60000}, std::uint64_t{300000}, std::uint64_t{16000000}, UINT64_MAX}) {
    for (const int threads : {1, 3}) {
      lm::PretokenStore store({.memory = memory, .folder = "/tmp", .threads = threads});
      Counted expected;
      for (int i = 0; i < 40000; ++i) {
        std::string pretoken(1 + rng.below(12), '\0');
        for (char& byte : pretoken) byte = static_cast<char>(rng.below(pretoken.size() < 3 ? 256 : 4));
        const std::uint64_t count = rng.below(10) == 0 ? std::uint64_t{1} << 40 : 1 + rng.below(3);
        store.add(static_cast<int>(rng.below(static_cast<std::uint64_t>(threads))), pretoken, count);
        expected[pretoken] += count;
        REQUIRE(store.memory() <= memory);
      }
      store.finish();
      CHECK((store.bytes_on_disk() > 0) == (memory < 16000000));
      CHECK(counted(store) == expected);
      if (memory > 300000) {
        store.leave_memory();
        CHECK(store.memory() == 0);
        CHECK(counted(store) == expected);
      }
      std::string before;
      store.for_each_sorted([&](std::string_view pretoken, std::uint64_t) {
        REQUIRE(pretoken > before);
        before = pretoken;
      });
    }
  }
}

TEST_CASE("what the folder or the memory cannot take is an error that says what to do") {
  lm::PretokenStore store({.memory = 60000, .folder = "/nowhere", .threads = 1});
  CHECK_THROWS_WITH_AS(
      [&] {
        for (int i = 0; i < 10000; ++i) store.add(0, std::to_string(i));
      }(),
      doctest::Contains("set TMPDIR to another folder, or raise --memory"), lm::SystemError);
  lm::PretokenStore small({.memory = 60000, .folder = "/tmp", .threads = 1});
  CHECK_THROWS_WITH_AS(small.add(0, std::string(100000, 'a')), doctest::Contains("does not fit into --memory"), lm::Error);
}

TEST_CASE("counts beyond 64 bits are refused, not wrapped") {
  lm::PretokenStore store({});
  store.add(0, "a", UINT64_MAX);
  CHECK_THROWS_AS(store.add(0, "a", 1), lm::Error);
}
