// Division and multiples, upwards.
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

}  // namespace lm
