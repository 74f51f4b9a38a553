#include "base/decompress.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "base/error.h"
#include "support/refusal.h"
#include "support/test_data.h"

namespace lm {

namespace {

struct PackedSample {
  std::string name;
  Packing packing;
};
const std::vector<PackedSample> kOfTheText = {
    {"one.gz", Packing::gzip},  {"fields.gz", Packing::gzip},  {"members.gz", Packing::gzip}, {"padded.gz", Packing::gzip},
    {"one.zst", Packing::zstd}, {"frames.zst", Packing::zstd}, {"one.xz", Packing::xz},       {"streams.xz", Packing::xz}};

std::string packed_golden(const std::string& name) { return test::read_file(test::golden_path("packed/" + name)); }

/// Unpacks bytes that come `step` at a time, into a buffer of `room`.
std::string unpack(Packing packing, std::string_view bytes, std::size_t step = SIZE_MAX, std::size_t room = 4096) {
  Unpacker unpacker(packing, "a test", [&](void* buffer, std::size_t size) {
    const std::size_t count = std::min({size, step, bytes.size()});
    std::memcpy(buffer, bytes.data(), count);
    bytes.remove_prefix(count);
    return count;
  });
  std::string content;
  std::string buffer(room, '\0');
  while (const std::size_t count = unpacker.read_once(buffer.data(), buffer.size())) content.append(buffer, 0, count);
  CHECK(unpacker.read_once(buffer.data(), buffer.size()) == 0);
  return content;
}

}  // namespace

TEST_CASE("members, frames and streams in a row are one content, however their bytes come") {
  const std::string text = packed_golden("text");
  for (const PackedSample& sample : kOfTheText) {
    CAPTURE(sample.name);
    const std::string packed = packed_golden(sample.name);
    for (const std::size_t step : {std::size_t{1}, std::size_t{7}, std::size_t{1000}, SIZE_MAX}) {
      for (const std::size_t room : {std::size_t{1}, std::size_t{100}, std::size_t{1} << 20})
        REQUIRE((unpack(sample.packing, packed, step, room) == text));
    }
  }
  CHECK(unpack(Packing::gzip, packed_golden("empty.gz")).empty());
  CHECK(unpack(Packing::zstd, packed_golden("empty.zst")).empty());
  CHECK(unpack(Packing::xz, packed_golden("empty.xz")).empty());
}

TEST_CASE("every truncation is refused, but those between two members") {
  const std::string text = packed_golden("text");
  for (const PackedSample& sample : kOfTheText) {
    CAPTURE(sample.name);
    const std::string packed = packed_golden(sample.name);
    std::size_t accepted = 0;
    for (std::size_t size = 0; size < packed.size(); ++size) {
      std::string content;
      const std::string message =
          test::refusal([&] { content = unpack(sample.packing, std::string_view(packed).substr(0, size)); });
      if (message.empty()) {
        ++accepted;
        REQUIRE(text.starts_with(content));
      } else {
        REQUIRE(message.starts_with("cannot read 'a test': it"));
      }
    }
    // Ends of the inner members; of padding any part, of xz's whole fours of bytes; and of skippable frames.
    const bool padded = sample.name == "padded.gz";
    CHECK(accepted <= (padded ? 1000 : 8));
    if (sample.name.starts_with("one") || sample.name == "fields.gz") CHECK(accepted == 0);
  }
}

TEST_CASE("no changed bit changes the content unnoticed") {
  const std::string text = packed_golden("text");
  for (const PackedSample& sample : kOfTheText) {
    if (sample.name == "streams.xz" || sample.name == "frames.zst") continue;  // parts of them have no checksum
    CAPTURE(sample.name);
    std::string packed = packed_golden(sample.name);
    for (std::size_t bit = 0; bit < packed.size() * 8; ++bit) {
      packed[bit / 8] = static_cast<char>(packed[bit / 8] ^ (1 << bit % 8));
      std::string content = text;
      const std::string message = test::refusal([&] { content = unpack(sample.packing, packed); });
      REQUIRE((content == text));
      packed[bit / 8] = static_cast<char>(packed[bit / 8] ^ (1 << bit % 8));
    }
  }
}

TEST_CASE("what follows the compressed bytes is refused") {
  for (const PackedSample& sample : kOfTheText) {
    CAPTURE(sample.name);
    for (const std::string rest : {"\n", "x", "hello", "\x1f\x20", "(", "PK\x03\x04", "{\"text\":\"a\"}\n"}) {
      const std::string message = test::refusal([&] { unpack(sample.packing, packed_golden(sample.name) + rest); });
      CAPTURE(message);
      CHECK((test::contains(message, "is followed by something else") || test::contains(message, "it ends inside its")));
    }
  }
  CHECK(test::contains(test::refusal([] { unpack(Packing::gzip, packed_golden("padded.gz") + packed_golden("one.gz")); }),
                       "is followed by something else"));
}

TEST_CASE("a window beyond what is kept is refused with what to do") {
  CHECK(test::contains(test::refusal([] { unpack(Packing::zstd, packed_golden("wide.zst")); }),
                       "more than 128 MiB; unpack it first, as in: zstd -dc --long=31 'a test' | ... -"));
  CHECK(test::contains(test::refusal([] { unpack(Packing::xz, packed_golden("wide.xz")); }),
                       "more than 128 MiB; unpack it first, as in: xz -dc 'a test' | ... -"));
}

TEST_CASE("compressed files are known by what they are") {
  for (const PackedSample& sample : kOfTheText) {
    CAPTURE(sample.name);
    CHECK(packing_of(kind_of_path(test::golden_path("packed/" + sample.name))) == sample.packing);
  }
  CHECK_FALSE(packing_of(kind_of_path(test::golden_path("packed/text"))).has_value());
  CHECK_FALSE(packing_of(FileKind::lz4).has_value());
}

}  // namespace lm
