// 16-bit floats as files have them.
#pragma once

#include <bit>
#include <cstdint>

namespace lm {

/// Returns the value of an IEEE binary16 number, exactly.
inline float float_of_half(std::uint16_t half) {
  const std::uint32_t sign = static_cast<std::uint32_t>(half & 0x8000U) << 16;
  const std::uint32_t exponent = (half >> 10) & 0x1FU, fraction = half & 0x3FFU;
  if (exponent == 0x1FU) return std::bit_cast<float>(sign | 0x7F800000U | fraction << 13);
  if (exponent != 0) return std::bit_cast<float>(sign | (exponent + 112U) << 23 | fraction << 13);
  const float magnitude = static_cast<float>(fraction) * 0x1p-24F;  // zero and the numbers below 2^-14
  return sign == 0 ? magnitude : -magnitude;
}

/// Returns the value of a bfloat16 number: the upper half of a float.
inline float float_of_bfloat16(std::uint16_t bits) { return std::bit_cast<float>(std::uint32_t{bits} << 16); }

/// Returns the binary16 number nearest to a value, of two the even one; infinity for what is too large.
inline std::uint16_t half_of_float(float value) {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(value), magnitude = bits & 0x7FFFFFFFU;
  const std::uint32_t sign = (bits >> 16) & 0x8000U;
  const auto round_off = [](std::uint32_t number, std::uint32_t shift) {
    const std::uint32_t half = (1U << (shift - 1)) - 1 + ((number >> shift) & 1U);
    return (number + half) >> shift;
  };
  std::uint32_t rounded = 0;
  if (magnitude > 0x7F800000U) {
    rounded = 0x7E00U;  // no number
  } else if (magnitude >= 0x477FF000U) {
    rounded = 0x7C00U;  // nearer to 2^16 than to the largest
  } else if (magnitude >= 0x38800000U) {
    rounded = round_off(magnitude - 0x38000000U, 13);
  } else if (magnitude >= 0x33000000U) {  // below 2^-14, in steps of 2^-24
    rounded = round_off((magnitude & 0x7FFFFFU) | 0x800000U, 126U - (magnitude >> 23));
  }
  return static_cast<std::uint16_t>(sign | rounded);
}

/// Returns the bfloat16 number nearest to a value that is a number, of two the even one.
inline std::uint16_t bfloat16_of_float(float value) {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(value);
  return static_cast<std::uint16_t>((bits + 0x7FFFU + ((bits >> 16) & 1U)) >> 16);
}

}  // namespace lm
