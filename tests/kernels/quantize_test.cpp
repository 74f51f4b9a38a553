// Blocks against those of ggml, in tests/golden/quantized.gguf.
#include "kernels/quantize.h"

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "base/gguf.h"
#include "kernels/blocks.h"
#include "support/test_data.h"

using namespace lm;

namespace {

struct QuantizedGolden {
  GgufFile file = GgufFile::open(test::golden_path("quantized.gguf"));
  std::vector<float> values, importance;
  std::int64_t rows = 0, columns = 0;

  QuantizedGolden() {
    for (const GgufTensor& tensor : file.tensors()) {
      if (tensor.name != "values" && tensor.name != "importance") continue;
      std::vector<float>& to = tensor.name == "values" ? values : importance;
      to.resize(tensor.shape[0] * tensor.shape[1]);
      file.read(tensor.offset, to.data(), tensor.size);
    }
    columns = static_cast<std::int64_t>(importance.size());
    rows = static_cast<std::int64_t>(values.size()) / columns;
  }

  std::string blocks(const std::string& name) const {
    for (const GgufTensor& tensor : file.tensors()) {
      if (tensor.name != name) continue;
      std::string bytes(tensor.size, '\0');
      file.read(tensor.offset, bytes.data(), bytes.size());
      return bytes;
    }
    FAIL(name);
    return {};
  }
  std::string ours(GgmlType type, bool weighted, int threads = 1) const {
    Compute compute(threads, best_simd_tier());
    const GgmlTypeFacts& facts = facts_of(type);
    std::string bytes(static_cast<std::size_t>(facts.bytes_of(rows * columns)), '\0');
    const TensorView<const float> view(values.data(), rows, columns);
    CHECK(quantize(compute, type, bytes.data(), view, weighted ? importance.data() : nullptr));
    return bytes;
  }
  /// Returns the squared error of a row, each value weighted as the search for q4_k's scales does.
  double row_error(const std::string& blocks, GgmlType type, std::int64_t row, bool weighted) const {
    std::vector<float> decoded(values.size());
    dequantize(type, blocks.data(), static_cast<std::int64_t>(values.size()), decoded.data());
    double sum = 0;
    for (std::int64_t first = row * columns; first < (row + 1) * columns; first += 256) {
      double square = 0;
      for (std::int64_t i = first; i < first + 256; ++i) square += std::pow(values[static_cast<std::size_t>(i)], 2);
      for (std::int64_t i = first; i < first + 256; ++i) {
        const double x = values[static_cast<std::size_t>(i)], mean = 2 * square / 256;
        const double weight = weighted ? importance[static_cast<std::size_t>(i % columns)] * std::sqrt(mean + x * x)
                                       : std::sqrt(mean) + std::abs(x);
        sum += weight * std::pow(x - decoded[static_cast<std::size_t>(i)], 2);
      }
    }
    return sum;
  }
};

}  // namespace

TEST_CASE("blocks are ggml's to the bit, with importance and without") {
  const QuantizedGolden golden;
  REQUIRE(golden.rows == 6);
  for (const GgmlType type : {GgmlType::q8_0, GgmlType::q4_0, GgmlType::q4_1, GgmlType::q5_0, GgmlType::q6_k}) {
    const std::string name(to_string(type));
    CAPTURE(name);
    CHECK(golden.ours(type, false) == golden.blocks(name));
    CHECK(golden.ours(type, true) == golden.blocks(name + ".weighted"));
  }
}

TEST_CASE("q4_k comes as near to the values as ggml") {
  const QuantizedGolden golden;
  CHECK(golden.ours(GgmlType::q4_k, true) == golden.blocks("Q4_K.weighted"));
  const std::string ours = golden.ours(GgmlType::q4_k, false), theirs = golden.blocks("Q4_K");
  for (const std::int64_t row : {0, 1, 2, 3}) {  // the others are of zeros, or all alike
    CAPTURE(row);
    CHECK(golden.row_error(ours, GgmlType::q4_k, row, false) <= 1.02 * golden.row_error(theirs, GgmlType::q4_k, row, false));
  }
}

TEST_CASE("blocks do not depend on the number of threads") {
  const QuantizedGolden golden;
  for (const GgmlType type : {GgmlType::q8_0, GgmlType::q4_k, GgmlType::bf16})
    CHECK(golden.ours(type, true, 1) == golden.ours(type, true, 3));
}

TEST_CASE("plain numbers are rounded to the nearest, of two to the even one") {
  Compute compute(1, SimdTier::portable);
  const std::vector<float> x = {1.0F,     1.0009765F,      1 + 0x1p-11F, 1 + 3 * 0x1p-11F, -65504, 0x1p-24F,
                                0x1p-25F, 1.5F * 0x1p-25F, 65519};
  std::vector<std::uint16_t> halves(x.size());
  const TensorView<const float> view(x.data(), 1, static_cast<std::int64_t>(x.size()));
  CHECK(quantize(compute, GgmlType::f16, halves.data(), view, nullptr));
  CHECK(halves == std::vector<std::uint16_t>{0x3C00, 0x3C01, 0x3C00, 0x3C02, 0xFBFF, 0x0001, 0x0000, 0x0001, 0x7BFF});
  const std::vector<float> y = {1.0F, 1 + 0x1p-8F, 1 + 3 * 0x1p-8F, -3.0F};
  std::vector<std::uint16_t> bfloats(y.size());
  CHECK(quantize(compute, GgmlType::bf16, bfloats.data(), TensorView<const float>(y.data(), 1, 4), nullptr));
  CHECK(bfloats == std::vector<std::uint16_t>{0x3F80, 0x3F80, 0x3F82, 0xC040});
}

TEST_CASE("what is too large for its 16 bits is reported") {
  Compute compute(1, SimdTier::portable);
  std::vector<float> x(256, 1.0F);
  const TensorView<const float> view(x.data(), 1, 256);
  std::string blocks(1024, '\0');
  x[7] = 65520;
  CHECK(!quantize(compute, GgmlType::f16, blocks.data(), view, nullptr));
  CHECK(quantize(compute, GgmlType::q8_0, blocks.data(), view, nullptr));
  CHECK(quantize(compute, GgmlType::bf16, blocks.data(), view, nullptr));
  x[7] = 1e9F;
  for (const GgmlType type :
       {GgmlType::q8_0, GgmlType::q4_0, GgmlType::q4_1, GgmlType::q5_0, GgmlType::q4_k, GgmlType::q6_k})
    CHECK(!quantize(compute, type, blocks.data(), view, nullptr));
  x[7] = std::numeric_limits<float>::infinity();
  CHECK(!quantize(compute, GgmlType::f32, blocks.data(), view, nullptr));
}
