// Blocks of 32 values: q8_0, q4_0, q4_1, q5_0. blocks.cpp has their layouts.
#include "kernels/cpu/quantize_rows.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "base/half.h"
#include "kernels/cpu/scale_search.h"

namespace lm {

namespace {

constexpr std::size_t kBlock = 32;
using Codes = std::array<std::uint8_t, kBlock>;
using Weights = std::array<float, kBlock>;

/// Returns the number without its fraction; 0 for what is beyond 32 bits, as x86 converts it to a byte: a block whose scale has no
/// inverse is one of zeros.
int truncated(float value) { return std::abs(value) < 0x1p31F ? static_cast<int>(value) : 0; }

float inverse_of(float scale) { return scale != 0 ? 1.0F / scale : 0.0F; }

/// Returns the first of the values that have the largest magnitude.
float extreme_of(std::span<const float> x) {
  float extreme = 0;
  for (const float value : x) extreme = std::abs(extreme) < std::abs(value) ? value : extreme;
  return extreme;
}

float mean_square(std::span<const float> x) {
  float sum = 0;
  for (const float value : x) sum += value * value;
  return sum / static_cast<float>(x.size());
}

Weights weights_of(std::span<const float> x, std::span<const float> importance, float mean) {
  Weights weights{};
  for (std::size_t i = 0; i < kBlock; ++i) weights[i] = importance[i] * std::sqrt(mean + x[i] * x[i]);
  return weights;
}

/// Appends value i in the lower half of byte i and value 16 + i in the upper.
void write_nibbles(BlockWriter& block, const Codes& codes) {
  for (std::size_t i = 0; i < kBlock / 2; ++i) block.byte((codes[i] & 0xFU) | (codes[i + kBlock / 2] & 0xFU) << 4U);
}

/// Appends the fifth bit of each value.
void write_fifth_bits(BlockWriter& block, const Codes& codes) {
  for (std::size_t first = 0; first < kBlock; first += 8) {
    unsigned bits = 0;
    for (std::size_t i = 0; i < 8; ++i) bits |= (codes[first + i] >> 4U & 1U) << i;
    block.byte(bits);
  }
}

/// Fills the codes of a block whose extreme value has code 0, and returns its scale.
float round_symmetric(std::span<const float> x, int middle, Codes& codes) {
  const float scale = extreme_of(x) / static_cast<float>(-middle), inverse = inverse_of(scale);
  for (std::size_t i = 0; i < kBlock; ++i) {
    const int code = truncated(x[i] * inverse + (static_cast<float>(middle) + 0.5F));
    codes[i] = static_cast<std::uint8_t>(std::min(2 * middle - 1, code));
  }
  return scale;
}

/// Calls encode(values, importance, block's bytes) for every block of a row.
template <class Encode>
bool each_block(std::span<const float> x, std::span<const float> importance, unsigned char* blocks, std::size_t bytes,
                Encode encode) {
  bool finite = true;
  for (std::size_t first = 0; first < x.size(); first += kBlock, blocks += bytes) {
    BlockWriter block(blocks);
    encode(x.subspan(first, kBlock), importance.empty() ? importance : importance.subspan(first, kBlock), block);
    finite = finite && block.is_finite();
  }
  return finite;
}

/// Encodes the types whose values lie around 0.
template <class Write>
bool quantize_symmetric(std::span<const float> x, std::span<const float> importance, unsigned char* blocks, int middle,
                        std::size_t bytes, Write write) {
  const float mean = importance.empty() ? 0 : mean_square(x);
  return each_block(x, importance, blocks, bytes,
                    [&](std::span<const float> values, std::span<const float> weights, BlockWriter& block) {
                      Codes codes{};
                      block.half(weights.empty() ? round_symmetric(values, middle, codes)
                                                 : search_scale(values, weights_of(values, weights, mean), middle, codes));
                      write(block, codes);
                    });
}

}  // namespace

float BlockWriter::half(float value) {
  const std::uint16_t bits = half_of_float(value);
  byte(bits & 0xFFU);
  byte(bits >> 8U);
  finite_ = finite_ && (bits & 0x7C00U) != 0x7C00U;
  return float_of_half(bits);
}

bool quantize_q8_0_row(std::span<const float> x, unsigned char* blocks) {
  constexpr std::size_t kBytes = 34;
  return each_block(x, {}, blocks, kBytes, [](std::span<const float> values, std::span<const float>, BlockWriter& block) {
    const float scale = std::abs(extreme_of(values)) / 127, inverse = inverse_of(scale);
    block.half(scale);
    for (const float value : values) block.byte(static_cast<std::uint8_t>(truncated(std::round(value * inverse))));
  });
}

bool quantize_q4_0_row(std::span<const float> x, std::span<const float> importance, unsigned char* blocks) {
  constexpr std::size_t kBytes = 18;
  return quantize_symmetric(x, importance, blocks, 8, kBytes, write_nibbles);
}

bool quantize_q5_0_row(std::span<const float> x, std::span<const float> importance, unsigned char* blocks) {
  constexpr std::size_t kBytes = 22;
  return quantize_symmetric(x, importance, blocks, 16, kBytes, [](BlockWriter& block, const Codes& codes) {
    write_fifth_bits(block, codes);
    write_nibbles(block, codes);
  });
}

bool quantize_q4_1_row(std::span<const float> x, std::span<const float> importance, unsigned char* blocks) {
  constexpr std::size_t kBytes = 20;
  constexpr int kLast = 15;
  const float mean = importance.empty() ? 0 : mean_square(x);
  return each_block(
      x, importance, blocks, kBytes, [&](std::span<const float> values, std::span<const float> weights, BlockWriter& block) {
        Codes codes{};
        if (weights.empty()) {
          const auto [least, largest] = std::minmax_element(values.begin(), values.end());
          const float scale = (*largest - *least) / kLast, inverse = inverse_of(scale);
          for (std::size_t i = 0; i < kBlock; ++i)
            codes[i] = static_cast<std::uint8_t>(std::min<int>(kLast, truncated((values[i] - *least) * inverse + 0.5F)));
          block.half(scale);
          block.half(*least);
        } else {
          const Affine found = search_affine(values, weights_of(values, weights, mean), kLast, codes);
          block.half(found.scale);
          block.half(-found.offset);
        }
        write_nibbles(block, codes);
      });
}

}  // namespace lm
