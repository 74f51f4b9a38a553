// Scales of quantized blocks: of candidates, the one whose rounded codes come nearest to the values.
#pragma once

#include <bit>
#include <cstdint>
#include <span>

namespace lm {

/// Returns the nearest integer, of two the even one, for |value| < 2^22: it is what is left in the fraction of a sum with 1.5 * 2^23.
inline int nearest_integer(float value) {
  return static_cast<int>(std::bit_cast<std::uint32_t>(value + 0x1.8p23F) & 0x7FFFFFU) - 0x400000;
}

/// Fills codes, 0 to 2 middle - 1, such that x is about scale * (code - middle), and returns the scale that minimises
///   sum of weights * (x - scale * (code - middle))^2
/// for them. Of 19 candidates for 1 / scale, within 0.9 codes of that which takes the largest magnitude to -middle, the best is taken.
/// Values too small to divide by have scale 0.
/// x, weights: (n) codes: (n)
float search_scale(std::span<const float> x, std::span<const float> weights, int middle, std::span<std::uint8_t> codes);

/// A scale and what is subtracted: x is about scale * code - offset, offset >= 0.
struct Affine {
  float scale = 0, offset = 0;
};

/// Fills codes, 0 to `last`, and returns scale and offset that minimise the weighted squared error for them, of 37 candidates within
/// 0.9 codes of last / (largest - least); the least is at most 0.
/// x, weights: (n) codes: (n)
Affine search_affine(std::span<const float> x, std::span<const float> weights, int last, std::span<std::uint8_t> codes);

/// Fills codes, 0 to `last`, and returns the scale of x about scale * code, for x >= 0; then moves single codes as long as that
/// lessens the error.
float search_positive_scale(std::span<const float> x, std::span<const float> weights, int last,
                            std::span<std::uint8_t> codes);

}  // namespace lm
