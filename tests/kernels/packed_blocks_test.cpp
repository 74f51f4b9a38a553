#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
#include <vector>

#include "base/half.h"
#include "base/little_endian.h"
#include "base/rng.h"
#include "kernels/blocks.h"
#include "kernels/kernel_support.h"
#include "kernels/packed.h"

using namespace lm;
using lm::test::Tensor;

namespace {

constexpr GgmlType kBlockTypes[] = {GgmlType::q8_0,   GgmlType::q4_0,   GgmlType::q4_1, GgmlType::q5_0, GgmlType::q5_1,
                                    GgmlType::q2_k,   GgmlType::q3_k,   GgmlType::q4_k, GgmlType::q5_k, GgmlType::q6_k,
                                    GgmlType::iq4_nl, GgmlType::iq4_xs, GgmlType::mxfp4};

/// Returns the places of the halves in a block of the type.
std::vector<std::int64_t> half_places(GgmlType type) {
  switch (type) {
    case GgmlType::q4_1:
    case GgmlType::q5_1:
    case GgmlType::q4_k:
    case GgmlType::q5_k:
      return {0, 2};
    case GgmlType::q2_k:
      return {80, 82};
    case GgmlType::q3_k:
      return {108};
    case GgmlType::q6_k:
      return {208};
    case GgmlType::mxfp4:
      return {};
    default:
      return {0};
  }
}

/// A weight in blocks: any bytes, and scales of moderate size.
struct BlockWeight {
  BlockWeight(GgmlType of, std::int64_t rows, std::int64_t columns, int fill = -1)
      : type(of), outputs(rows), inputs(columns) {
    const GgmlTypeFacts& facts = facts_of(type);
    row_bytes = facts.bytes_of(inputs);
    bytes.resize(static_cast<std::size_t>(outputs * row_bytes));
    Rng rng(static_cast<std::uint64_t>(outputs * 1000 + inputs), RngPurpose::test, static_cast<std::uint64_t>(type));
    for (unsigned char& byte : bytes)
      byte = static_cast<unsigned char>(fill >= 0 ? static_cast<unsigned>(fill) : rng.below(256));
    for (std::size_t block = 0; block < bytes.size(); block += static_cast<std::size_t>(facts.bytes)) {
      for (const std::int64_t place : half_places(type)) {
        const auto size = static_cast<float>(1 + rng.below(100)) / 100.0F;
        store_little(bytes.data() + block + place, half_of_float(rng.below(4) == 0 ? -size : size));
      }
      if (type == GgmlType::mxfp4) bytes[block] = static_cast<unsigned char>(120 + rng.below(8));
    }
    values.resize(static_cast<std::size_t>(outputs * inputs));
    dequantize(type, bytes.data(), outputs * inputs, values.data());
  }
  ReadBlockRows reader() const {
    return [this](std::int64_t first, std::int64_t count, void* rows) {
      std::memcpy(rows, bytes.data() + first * row_bytes, static_cast<std::size_t>(count * row_bytes));
    };
  }
  GgmlType type;
  std::int64_t outputs, inputs, row_bytes = 0;
  std::vector<unsigned char> bytes;
  std::vector<float> values;  // (outputs, inputs)
};

/// It packed, with its memory.
struct PackedBlocks {
  PackedBlocks(Compute& compute, const BlockWeight& weight)
      : matrix(packed_blocks_shape(weight.type, weight.outputs, weight.inputs)),
        memory(static_cast<std::size_t>(whole_bytes(matrix) + rest_bytes(matrix))) {
    matrix.whole = memory.data();
    if (rest_bytes(matrix) > 0) matrix.rest = memory.data() + whole_bytes(matrix);
    finite = pack_blocks(compute, matrix, weight.reader());
  }
  PackedMatrix matrix;
  std::vector<std::byte> memory;
  bool finite = false;
};

/// Returns a row quantized by groups of 32 and dequantized again, in double.
std::vector<double> quantized(const float* x, std::int64_t inputs) {
  std::vector<double> values;
  for (std::int64_t g = 0; g < inputs; g += 32) {
    float largest = 0;
    for (std::int64_t i = g; i < g + 32; ++i) largest = std::max(largest, std::abs(x[i]));
    for (std::int64_t i = g; i < g + 32; ++i) {
      const float code = largest == 0 ? 0 : std::nearbyint(x[i] * (127.0F / largest));
      values.push_back(static_cast<double>(code) * static_cast<double>(largest / 127.0F));
    }
  }
  return values;
}

/// Holds a product to sums in double: a relative error of some roundings of the largest term.
void check_sums(const Tensor<float>& y, const Tensor<float>& x, const BlockWeight& weight, const Tensor<float>& bias) {
  const std::int64_t rows = x.shape[0];
  for (std::int64_t r = 0; r < rows; ++r) {
    const std::vector<double> row = quantized(&x.values[static_cast<std::size_t>(r * weight.inputs)], weight.inputs);
    for (std::int64_t o = 0; o < weight.outputs; ++o) {
      double sum = bias.values.empty() ? 0 : static_cast<double>(bias.values[static_cast<std::size_t>(o)]), size = 1;
      for (std::int64_t i = 0; i < weight.inputs; ++i) {
        const double term = row[static_cast<std::size_t>(i)] *
                            static_cast<double>(weight.values[static_cast<std::size_t>(o * weight.inputs + i)]);
        sum += term;
        size += std::abs(term);
      }
      CHECK(std::abs(static_cast<double>(y[r * weight.outputs + o]) - sum) <= 4e-6 * size);
    }
  }
}

}  // namespace

TEST_CASE("packed blocks unpack to the values of their blocks") {
  Compute compute(2, SimdTier::portable);
  for (const GgmlType type : kBlockTypes) {
    CAPTURE(to_string(type));
    CHECK(can_pack_blocks(type));
    const BlockWeight weight(type, 37, 512);
    const PackedBlocks packed(compute, weight);
    CHECK(packed.finite);
    std::vector<TokenId> all(37);
    std::iota(all.begin(), all.end(), TokenId{0});
    Tensor<float> values({37, 512});
    unpack_outputs(compute, values.view(), packed.matrix, all);
    CHECK(std::memcmp(values.values.data(), weight.values.data(), values.values.size() * sizeof(float)) == 0);
  }
  CHECK_FALSE(can_pack_blocks(GgmlType::f16));
  CHECK_FALSE(can_pack_blocks(GgmlType::iq2_xxs));
}

TEST_CASE("products with packed blocks are sums of whole numbers, the same bits in every tier, for any rows and parts") {
  for (const GgmlType type : kBlockTypes) {
    for (const std::int64_t outputs : {16, 53}) {
      const BlockWeight weight(type, outputs, type == GgmlType::q6_k ? 1280 : 512);
      const auto bias = Tensor<float>::random({outputs}, 4);
      for (const std::int64_t rows : {1, 2, 3, 7, 8, 13}) {
        CAPTURE(to_string(type));
        CAPTURE(outputs);
        CAPTURE(rows);
        const auto x = Tensor<float>::random({rows, weight.inputs}, 3);
        Tensor<float> expected({rows, outputs});
        for (const SimdTier tier : simd_tiers()) {
          Compute compute(3, tier), alone(1, tier);
          const PackedBlocks packed(compute, weight);
          Tensor<float> y({rows, outputs}), in_parts({rows, outputs});
          linear_packed(compute, y.view(), x.view(), packed.matrix, bias.view());
          for (std::int64_t part = 0; part < 3; ++part)
            linear_panels(alone, in_parts.view(), x.view(), packed.matrix, bias.view(), panel_part(packed.matrix, part, 3));
          CHECK(y.values == in_parts.values);
          if (tier == SimdTier::portable) {
            expected = y;
            check_sums(y, x, weight, bias);
          }
          CHECK(y.values == expected.values);
          Tensor<float> single({1, outputs});
          linear_packed(compute, single.view(), x.view().rows(rows - 1, 1), packed.matrix, bias.view());
          CHECK(std::equal(single.values.begin(), single.values.end(), y.values.end() - outputs));
        }
      }
    }
  }
}

TEST_CASE("products with packed blocks have room for the largest codes") {
  for (const GgmlType type : kBlockTypes) {
    for (const int fill : {0x00, 0xFF, 0x80, 0x7F}) {
      const BlockWeight weight(type, 16, 256, fill);
      for (const float value : {1.0F, -1.0F}) {
        CAPTURE(to_string(type));
        CAPTURE(fill);
        CAPTURE(value);
        Tensor<float> x({1, 256});
        std::fill(x.values.begin(), x.values.end(), value);
        for (const SimdTier tier : simd_tiers()) {
          Compute compute(1, tier);
          const PackedBlocks packed(compute, weight);
          Tensor<float> y({1, 16});
          linear_packed(compute, y.view(), x.view(), packed.matrix, {});
          check_sums(y, x, weight, Tensor<float>());
        }
      }
    }
  }
}

TEST_CASE("packed blocks say when a scale is not finite, and products when a row is not") {
  Compute compute(1, best_simd_tier());
  for (const GgmlType type : kBlockTypes) {
    CAPTURE(to_string(type));
    for (const std::int64_t place : half_places(type)) {
      BlockWeight weight(type, 20, 256);
      store_little(weight.bytes.data() + 19 * weight.row_bytes + place, std::uint16_t{0x7C00});
      CHECK_FALSE(PackedBlocks(compute, weight).finite);
    }
    const PackedBlocks packed(compute, BlockWeight(type, 16, 256));
    for (const float bad : {std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
      auto x = Tensor<float>::random({2, 256}, 3);
      x[256 + 40] = bad;
      Tensor<float> y({2, 16});
      linear_packed(compute, y.view(), x.view(), packed.matrix, {});
      CHECK(std::all_of(y.values.begin(), y.values.begin() + 16, [](float value) { return std::isfinite(value); }));
      CHECK(std::none_of(y.values.begin() + 16, y.values.end(), [](float value) { return std::isfinite(value); }));
    }
    Tensor<float> zeros({1, 256}), y({1, 16});
    linear_packed(compute, y.view(), zeros.view(), packed.matrix, {});
    CHECK(std::all_of(y.values.begin(), y.values.end(), [](float value) { return value == 0; }));
  }
}
