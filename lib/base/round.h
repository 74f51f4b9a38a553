// Division and multiples, upwards, and powers of two.
#pragma once

#include <concepts>
#include <type_traits>

namespace lm {

/// Returns a / b, rounded up; a >= 0, b > 0.
template <std::integral Integer>
constexpr Integer divide_up(Integer a, std::type_identity_t<Integer> b) {
  return static_cast<Integer>((a + b - 1) / b);
}

/// Returns the least multiple of b that is at least a; a >= 0, b > 0.
template <std::integral Integer>
constexpr Integer round_up(Integer a, std::type_identity_t<Integer> b) {
  return static_cast<Integer>(divide_up(a, b) * b);
}

/// Returns whether a number is 1, 2, 4, ...
template <std::integral Integer>
constexpr bool is_power_of_two(Integer number) {
  return number > 0 && (number & (number - 1)) == 0;
}

}  // namespace lm
