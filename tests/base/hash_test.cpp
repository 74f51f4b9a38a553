#include "base/hash.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>

namespace lm {

TEST_CASE("the hash of nothing is XXH3's, and hex has the high half first") {
  CHECK(Hasher().digest64() == 0x2d06800538d394c2);
  CHECK(to_hex(Hasher().digest128()) == "99aa06d3014798d86001c324468d497f");
}

TEST_CASE("feeding in pieces gives the hash of the whole") {
  const std::string text(5000, 'x');
  Hasher whole;
  whole.update(text.data(), text.size());
  Hasher pieces;
  for (std::size_t i = 0; i < text.size(); i += 7) pieces.update(text.data() + i, std::min<std::size_t>(7, text.size() - i));
  CHECK(whole.digest64() == pieces.digest64());
  CHECK(whole.digest128() == pieces.digest128());
}

}  // namespace lm
