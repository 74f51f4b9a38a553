#include "kernels/packed.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <numeric>

#include "kernels/kernel_support.h"

using namespace lm;
using lm::test::Tensor;

namespace {

/// Returns a value rounded to the type, to nearest even, by comparing its neighbours.
float rounded(WeightType type, float value) {
  if (type == WeightType::f32 || value == 0) return value;
  int exponent = 0;
  std::frexp(value, &exponent);
  // Significant bits, fewer below the smallest normal half.
  const int digits = type == WeightType::bf16 ? 8 : std::min(11, 24 + exponent);
  const double unit = std::ldexp(1.0, exponent - digits);
  return static_cast<float>(std::nearbyint(static_cast<double>(value) / unit) * unit);
}

/// Returns the sum of one output as every kernel computes it: parts of at most 512 inputs, each one chain of multiply-adds, fused
/// if the tier has such an instruction.
float reference(SimdTier tier, const float* x, const float* weights, std::int64_t inputs, const float* bias) {
#if defined(__aarch64__)
  const bool fused = true;
#else
  const bool fused = tier != SimdTier::portable;
#endif
  const std::int64_t parts = (inputs + 511) / 512, longest = (inputs + parts - 1) / parts;
  float total = bias != nullptr ? *bias : 0;
  for (std::int64_t first = 0; first < inputs; first += longest) {
    float sum = 0;
    for (std::int64_t k = first; k < std::min(inputs, first + longest); ++k) {
      const volatile float product = x[k] * weights[k];
      sum = fused ? std::fma(x[k], weights[k], sum) : sum + product;
    }
    total = first == 0 && bias == nullptr ? sum : total + sum;
  }
  return total;
}

/// A packed matrix with its memory.
struct Packed {
  Packed(Compute& compute, WeightType type, const Tensor<float>& weight)
      : matrix(packed_shape(compute.simd(), type, weight.shape[0], weight.shape[1])),
        memory(static_cast<std::size_t>(whole_bytes(matrix) + rest_bytes(matrix)) + 64) {
    matrix.whole = memory.data() + (64 - reinterpret_cast<std::uintptr_t>(memory.data()) % 64);
    if (rest_bytes(matrix) > 0) matrix.rest = matrix.whole + whole_bytes(matrix);
    pack(compute, matrix, weight.view());
  }
  PackedMatrix matrix;
  std::vector<std::byte> memory;
};

struct PackedSizes {
  std::int64_t outputs, inputs;
};

constexpr WeightType kTypes[] = {WeightType::f32, WeightType::bf16, WeightType::f16};

/// Holds a product with so many rows to the reference, bit for bit, and the same in parts and in place.
void check_rows(Compute& compute, const Packed& packed, Tensor<float> weight, std::int64_t rows, bool with_bias) {
  const std::int64_t outputs = weight.shape[0], inputs = weight.shape[1];
  const auto x = Tensor<float>::random({rows, inputs}, 11);
  const auto bias = with_bias ? Tensor<float>::random({outputs}, 12) : Tensor<float>();
  const TensorView<const float> bias_view = with_bias ? bias.view() : TensorView<const float>();
  for (float& value : weight.values) value = rounded(packed.matrix.type, value);
  Tensor<float> expected({rows, outputs}), y({rows, outputs}), in_parts({rows, outputs});
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t o = 0; o < outputs; ++o)
      expected[r * outputs + o] = reference(compute.simd(), &x.values[static_cast<std::size_t>(r * inputs)],
                                            &weight.values[static_cast<std::size_t>(o * inputs)], inputs,
                                            with_bias ? &bias.values[static_cast<std::size_t>(o)] : nullptr);
  }
  linear_packed(compute, y.view(), x.view(), packed.matrix, bias_view);
  CHECK(y.values == expected.values);
  for (std::int64_t part = 0; part < 3; ++part)
    linear_panels(compute, in_parts.view(), x.view(), packed.matrix, bias_view, panel_part(packed.matrix, part, 3));
  CHECK(in_parts.values == expected.values);
}

}  // namespace

TEST_CASE(
    "products with packed weights have the bits of one chain of multiply-adds, for any number of rows, on every tier") {
  for (const SimdTier tier : lm::test::tiers()) {
    Compute compute(2, tier);
    for (const WeightType type : kTypes) {
      for (const auto& [outputs, inputs] :
           {PackedSizes{1, 1}, {31, 7}, {32, 64}, {33, 513}, {97, 130}, {64, 1025}, {8, 3}, {150, 40}}) {
        CAPTURE(to_string(tier));
        CAPTURE(to_string(type));
        CAPTURE(outputs);
        CAPTURE(inputs);
        const auto weight = Tensor<float>::random({outputs, inputs}, 10);
        const Packed packed(compute, type, weight);
        for (const std::int64_t rows : {1, 2, 3, 4, 5, 7, 8, 9, 12, 13, 40})
          check_rows(compute, packed, weight, rows, rows % 2 == 0);
      }
    }
  }
}

TEST_CASE("a product of very many rows has the bits of a few") {
  for (const SimdTier tier : lm::test::tiers()) {
    Compute compute(3, tier);
    for (const WeightType type : kTypes) {
      const auto x = Tensor<float>::random({400, 700}, 1), weight = Tensor<float>::random({331, 700}, 2);
      const Packed packed(compute, type, weight);
      Tensor<float> many({400, 331}), few({4, 331});
      linear_packed(compute, many.view(), x.view(), packed.matrix, {});
      for (const std::int64_t first : {0, 201, 396}) {
        linear_packed(compute, few.view(), x.view().rows(first, 4), packed.matrix, {});
        CHECK(std::equal(few.values.begin(), few.values.end(), many.values.begin() + first * 331));
      }
    }
  }
}

TEST_CASE("a weight that is packed in its own memory is the same, and its outputs can be read again") {
  for (const SimdTier tier : lm::test::tiers()) {
    Compute compute(2, tier);
    for (const WeightType type : kTypes) {
      for (const auto& [outputs, inputs] : {PackedSizes{1, 5}, {64, 33}, {131, 9}, {200, 128}}) {
        const auto weight = Tensor<float>::random({outputs, inputs}, 3, 0.01);
        const Packed packed(compute, type, weight);
        Tensor<float> memory = weight;
        PackedMatrix matrix = packed_shape(tier, type, outputs, inputs);
        std::vector<std::byte> rest(static_cast<std::size_t>(rest_bytes(matrix)));
        if (!rest.empty()) matrix.rest = rest.data();
        pack_in_place(compute, matrix, memory.view());
        CHECK(std::memcmp(matrix.whole, packed.matrix.whole, static_cast<std::size_t>(whole_bytes(matrix))) == 0);
        if (!rest.empty()) CHECK(std::memcmp(matrix.rest, packed.matrix.rest, rest.size()) == 0);
        std::vector<TokenId> all(static_cast<std::size_t>(outputs));
        std::iota(all.rbegin(), all.rend(), TokenId{0});
        Tensor<float> rows({outputs, inputs});
        unpack_outputs(compute, rows.view(), matrix, all);
        for (std::int64_t o = 0; o < outputs; ++o) {
          for (std::int64_t k = 0; k < inputs; ++k)
            REQUIRE(rows[(outputs - 1 - o) * inputs + k] == rounded(type, weight[o * inputs + k]));
        }
      }
    }
  }
}

TEST_CASE("16-bit weights are rounded to nearest even, down to the smallest halves") {
  const std::vector<float> values = {0.0f,       -0.0f,       1.0f,         1.00048828125f, 1.00146484375f, -65504.0f,
                                     65519.0f,   0x1p-14f,    0x1.ffcp-15f, 0x1p-24f,       0x1.8p-24f,     0x1p-25f,
                                     0x1.8p-25f, -0x3.fp-20f, 1.00390625f,  1.01171875f,    -3.1415927f,    0x1p-126f};
  const auto count = static_cast<std::int64_t>(values.size());
  for (const SimdTier tier : lm::test::tiers()) {
    Compute compute(1, tier);
    for (const WeightType type : {WeightType::bf16, WeightType::f16}) {
      Tensor<float> weight({1, count}), row({1, count}), unit({count, count}), products({count, 1});
      weight.values = values;
      for (std::int64_t i = 0; i < count; ++i) unit[i * count + i] = 1;
      const Packed packed(compute, type, weight);
      unpack_outputs(compute, row.view(), packed.matrix, std::vector<TokenId>{0});
      linear_packed(compute, products.view(), unit.view(), packed.matrix, {});
      for (std::int64_t i = 0; i < count; ++i) {
        CAPTURE(values[static_cast<std::size_t>(i)]);
        CHECK(row[i] == rounded(type, values[static_cast<std::size_t>(i)]));
        CHECK(products[i] == row[i]);
      }
    }
  }
}

TEST_CASE("packed products have the same bits for any number of threads, and ask for no more scratch than they say") {
  for (const SimdTier tier : lm::test::tiers()) {
    for (const WeightType type : kTypes) {
      for (const std::int64_t rows : {1, 6, 70}) {
        const auto x = Tensor<float>::random({rows, 300}, 1), weight = Tensor<float>::random({517, 300}, 2);
        std::vector<std::vector<float>> results;
        for (const int threads : {1, 2, 3}) {
          Compute compute(threads, tier);
          const Packed packed(compute, type, weight);
          Tensor<float> y({rows, 517});
          linear_packed(compute, y.view(), x.view(), packed.matrix, {});
          results.push_back(y.values);
          const ScratchSize most = linear_packed_scratch(tier, type, rows, 300, 517);
          CHECK(compute.scratch_asked().worker <= most.worker);
          CHECK(compute.scratch_asked().shared <= most.shared);
        }
        CHECK(results[0] == results[1]);
        CHECK(results[0] == results[2]);
      }
    }
  }
}
