// Blocks of 256 values: q4_k and q6_k, whose scales are themselves quantized. blocks.cpp has their layouts.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstring>

#include "kernels/cpu/quantize_rows.h"
#include "kernels/cpu/scale_search.h"

namespace lm {

namespace {

constexpr std::size_t kBlock = 256;
using Values = std::span<const float, kBlock>;
using Codes = std::array<std::uint8_t, kBlock>;
using Weights = std::array<float, kBlock>;

// q4_k: eight parts of 32 values, x = d * scale * code - least * offset, scales and offsets of 6 bits, codes of 4.

constexpr std::size_t kQ4Part = 32, kQ4Parts = kBlock / kQ4Part;
using Q4Bytes = std::array<std::uint8_t, kQ4Parts>;

Weights q4_k_weights(Values x, std::span<const float> importance) {
  float sum = 0;
  for (const float value : x) sum += value * value;
  const float mean = 2 * sum / static_cast<float>(kBlock), root = std::sqrt(mean);
  Weights weights{};
  for (std::size_t i = 0; i < kBlock; ++i)
    weights[i] = importance.empty() ? root + std::abs(x[i]) : importance[i] * std::sqrt(mean + x[i] * x[i]);
  return weights;
}

/// Appends eight scales and eight offsets of 6 bits: of the first four a byte each, whose two upper bits have those of the other four,
/// whose lower four bits come last.
void write_q4_k_scales(BlockWriter& block, const Q4Bytes& scales, const Q4Bytes& offsets) {
  for (const Q4Bytes* bytes : {&scales, &offsets}) {
    for (std::size_t i = 0; i < 4; ++i) block.byte((*bytes)[i] | ((*bytes)[i + 4] >> 4U) << 6U);
  }
  for (std::size_t i = 4; i < kQ4Parts; ++i) block.byte((scales[i] & 0xFU) | (offsets[i] & 0xFU) << 4U);
}

void quantize_q4_k_block(Values x, std::span<const float> importance, BlockWriter& block) {
  constexpr int kLast = 15, kLastScale = 63;
  const Weights weights = q4_k_weights(x, importance);
  Codes codes{};
  std::array<float, kQ4Parts> scales{}, offsets{}, part_weights{};
  for (std::size_t part = 0; part < kQ4Parts; ++part) {
    const std::span<const float> part_weight(&weights[part * kQ4Part], kQ4Part);
    const Affine found = search_affine(x.subspan(part * kQ4Part, kQ4Part), part_weight, kLast,
                                       std::span<std::uint8_t>(&codes[part * kQ4Part], kQ4Part));
    scales[part] = found.scale;
    offsets[part] = found.offset;
    for (const float weight : part_weight) part_weights[part] += weight;
  }
  Q4Bytes scale_codes{}, offset_codes{};
  const float d = block.half(search_positive_scale(scales, part_weights, kLastScale, scale_codes));
  const float least = block.half(search_positive_scale(offsets, part_weights, kLastScale, offset_codes));
  write_q4_k_scales(block, scale_codes, offset_codes);
  for (std::size_t i = 0; i < kBlock; ++i) {
    const float scale = d * static_cast<float>(scale_codes[i / kQ4Part]);
    const float offset = least * static_cast<float>(offset_codes[i / kQ4Part]);
    if (scale != 0)
      codes[i] =
          static_cast<std::uint8_t>(nearest_integer(std::clamp((x[i] + offset) / scale, 0.0F, static_cast<float>(kLast))));
  }
  for (std::size_t first = 0; first < kBlock; first += 2 * kQ4Part) {
    for (std::size_t i = first; i < first + kQ4Part; ++i) block.byte(codes[i] | unsigned{codes[i + kQ4Part]} << 4U);
  }
}

// q6_k: sixteen parts of 16 values, x = d * scale * (code - 32), scales of 8 bits with a sign, codes of 6.

constexpr std::size_t kQ6Part = 16, kQ6Parts = kBlock / kQ6Part;
constexpr int kQ6Middle = 32;

/// Appends the lower four bits of all codes, then the upper two.
void write_q6_k_codes(BlockWriter& block, const Codes& codes) {
  for (std::size_t half = 0; half < kBlock; half += 128) {
    for (std::size_t i = half; i < half + 64; ++i) block.byte((codes[i] & 0xFU) | (codes[i + 64] & 0xFU) << 4U);
  }
  for (std::size_t half = 0; half < kBlock; half += 128) {
    for (std::size_t i = half; i < half + 32; ++i) {
      block.byte(codes[i] >> 4U | (codes[i + 32] >> 4U) << 2U | (codes[i + 64] >> 4U) << 4U | (codes[i + 96] >> 4U) << 6U);
    }
  }
}

void quantize_q6_k_block(Values x, std::span<const float> importance, BlockWriter& block) {
  constexpr float kTooSmall = 1e-15F;  // where ggml takes a block to be zeros
  Codes codes{};
  Weights weights{};
  for (std::size_t i = 0; i < kBlock; ++i) weights[i] = importance.empty() ? x[i] * x[i] : importance[i];
  std::array<float, kQ6Parts> scales{};
  float extreme = 0;
  for (std::size_t part = 0; part < kQ6Parts; ++part) {
    scales[part] =
        search_scale(x.subspan(part * kQ6Part, kQ6Part), std::span<const float>(&weights[part * kQ6Part], kQ6Part),
                     kQ6Middle, std::span<std::uint8_t>(&codes[part * kQ6Part], kQ6Part));
    if (std::abs(scales[part]) > std::abs(extreme)) extreme = scales[part];
  }
  if (std::abs(extreme) < kTooSmall) {
    constexpr std::size_t kBytes = 210;
    for (std::size_t i = 0; i < kBytes; ++i) block.byte(0);
    return;
  }
  const float inverse = -128.0F / extreme;
  std::array<int, kQ6Parts> scale_codes{};
  for (std::size_t part = 0; part < kQ6Parts; ++part)
    scale_codes[part] = std::min(127, nearest_integer(inverse * scales[part]));
  // The scale of all is the last of the block's bytes, but the codes follow from it as it is written.
  unsigned char ignored[2];
  const float d = BlockWriter(ignored).half(1 / inverse);
  for (std::size_t i = 0; i < kBlock; ++i) {
    const float scale = d * static_cast<float>(scale_codes[i / kQ6Part]);
    if (scale == 0) continue;
    const float code = std::clamp(x[i] / scale, -static_cast<float>(kQ6Middle), static_cast<float>(kQ6Middle - 1));
    codes[i] = static_cast<std::uint8_t>(nearest_integer(code) + kQ6Middle);
  }
  write_q6_k_codes(block, codes);
  for (const int code : scale_codes) block.byte(static_cast<std::uint8_t>(code));
  block.half(1 / inverse);
}

template <class Encode>
bool each_large_block(std::span<const float> x, std::span<const float> importance, unsigned char* blocks, std::size_t bytes,
                      Encode encode) {
  bool finite = true;
  for (std::size_t first = 0; first < x.size(); first += kBlock, blocks += bytes) {
    BlockWriter block(blocks);
    encode(Values(&x[first], kBlock), importance.empty() ? importance : importance.subspan(first, kBlock), block);
    finite = finite && block.is_finite();
  }
  return finite;
}

}  // namespace

bool quantize_q4_k_row(std::span<const float> x, std::span<const float> importance, unsigned char* blocks) {
  constexpr std::size_t kBytes = 144;
  return each_large_block(x, importance, blocks, kBytes, quantize_q4_k_block);
}

bool quantize_q6_k_row(std::span<const float> x, std::span<const float> importance, unsigned char* blocks) {
  constexpr std::size_t kBytes = 210;
  return each_large_block(x, importance, blocks, kBytes, quantize_q6_k_block);
}

}  // namespace lm
