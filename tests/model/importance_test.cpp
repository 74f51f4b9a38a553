#include "model/files/importance.h"

#include <doctest/doctest.h>

#include <bit>
#include <limits>
#include <string>
#include <vector>

#include "base/little_endian.h"
#include "support/gguf_file.h"
#include "support/refusal.h"
#include "support/test_data.h"

using namespace lm;

namespace {

std::string legacy_entry(const std::string& name, std::int32_t calls, const std::vector<float>& sums) {
  std::string bytes = little_bytes(static_cast<std::int32_t>(name.size())) + name + little_bytes(calls) +
                      little_bytes(static_cast<std::int32_t>(sums.size()));
  for (const float sum : sums) bytes += little_bytes(std::bit_cast<std::uint32_t>(sum));
  return bytes;
}

}  // namespace

TEST_CASE("importance is read as what was written, in mean squares") {
  const test::TemporaryFolder folder;
  const std::string path = folder.path("i.gguf");
  ImportanceRecord record{.sums = {}, .datasets = {"a.txt"}, .window = 4};
  record.sums["blk.0.attn_q.weight"] = {.squares = {8, 0, 2}, .rows = 4};
  record.sums["blk.1.ffn_down.weight"] = {.squares = {1}, .rows = 4};
  write_importance(path, record);
  const Importance read = read_importance(path);
  REQUIRE(read.size() == 2);
  CHECK(read.at("blk.0.attn_q.weight") == std::vector<float>{2, 0, 0.5F});
  CHECK(read.at("blk.1.ffn_down.weight") == std::vector<float>{0.25F});
}

TEST_CASE("the older form is read, and refused where it breaks off") {
  const test::TemporaryFolder folder;
  const std::string path = folder.path("i.dat");
  const std::string whole = little_bytes(std::int32_t{2}) + legacy_entry("a", 4, {8, 2}) + legacy_entry("b", 0, {3});
  test::put(path, whole + little_bytes(std::int32_t{1}) + little_bytes(std::int32_t{1}) + "x");
  const Importance read = read_importance(path);
  CHECK(read.at("a") == std::vector<float>{2, 0.5F});
  CHECK(read.at("b") == std::vector<float>{3});
  for (std::size_t size = 0; size < whole.size(); ++size) {
    test::put(path, whole.substr(0, size));
    CHECK(test::refusal([&] { read_importance(path); }) != "");
  }
}

TEST_CASE("what is no importance, or no mean square, is refused") {
  const test::TemporaryFolder folder;
  const std::string path = folder.path("i");
  const auto refusal_of = [&](const std::string& bytes) {
    test::put(path, bytes);
    return test::refusal([&] { read_importance(path); });
  };
  CHECK(test::contains(refusal_of("some text that is long enough"), "it is no importance, or breaks off"));
  CHECK(test::contains(refusal_of(little_bytes(std::int32_t{1}) + legacy_entry("a", 1, {-1})), "is negative or no number"));
  const float nothing = std::numeric_limits<float>::quiet_NaN();
  CHECK(test::contains(refusal_of(little_bytes(std::int32_t{1}) + legacy_entry("a", 1, {nothing})),
                       "is negative or no number"));
  CHECK(test::contains(refusal_of(test::GgufBuilder().string("general.type", "model").file()), "holds something else"));
  CHECK(test::contains(refusal_of(test::GgufBuilder().string("general.type", "imatrix").tensor("a.in_sum2", 4).file()),
                       "it has no counts of 'a'"));
}
