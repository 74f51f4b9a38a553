// Blocks against the gguf package's values, in tests/golden/blocks.gguf.
#include "kernels/blocks.h"

#include <doctest/doctest.h>

#include <cstring>
#include <string>
#include <vector>

#include "base/gguf.h"
#include "support/test_data.h"

using namespace lm;

namespace {

std::string bytes_of(const GgufFile& file, const GgufTensor& tensor) {
  std::string bytes(tensor.size, '\0');
  file.read(tensor.offset, bytes.data(), bytes.size());
  return bytes;
}

}  // namespace

TEST_CASE("blocks have the values that other readers find, to the bit") {
  const GgufFile file = GgufFile::open(test::golden_path("blocks.gguf"));
  std::size_t types = 0;
  for (std::size_t i = 0; i + 1 < file.tensors().size(); i += 2) {
    const GgufTensor &tensor = file.tensors()[i], &expected = file.tensors()[i + 1];
    CAPTURE(tensor.name);
    REQUIRE(to_string(tensor.type) == tensor.name);
    REQUIRE(expected.name == tensor.name + ".values");
    REQUIRE(can_dequantize(tensor.type));
    std::vector<float> values(tensor.shape[0]);
    dequantize(tensor.type, bytes_of(file, tensor).data(), static_cast<std::int64_t>(values.size()), values.data());
    const std::string wanted = bytes_of(file, expected);
    REQUIRE(wanted.size() == values.size() * sizeof(float));
    CHECK(std::memcmp(values.data(), wanted.data(), wanted.size()) == 0);
    // Plain numbers, from an odd address.
    std::vector<float> copied(values.size());
    dequantize(expected.type, ("x" + wanted).data() + 1, static_cast<std::int64_t>(copied.size()), copied.data());
    CHECK(copied == values);
    ++types;
  }
  CHECK(types == 15);
}

TEST_CASE("types of blocks that are not known to be dequantized say so") {
  CHECK(!can_dequantize(GgmlType::iq2_xxs));
  CHECK(!can_dequantize(GgmlType::i32));
}
