// What micro-kernels add to their sums.
#pragma once

#include "kernels/cpu/products/product.h"
#include "kernels/cpu/simd/vector.h"

namespace lm::LM_TIER {
namespace {

/// Returns the addends of the part of the product from this row and column on.
template <class T>
LM_INLINE Addends<T> part_of(const Addends<T>& addends, std::int64_t row, std::int64_t column) {
  return {addends.rows != nullptr ? addends.rows + row * addends.stride + column : nullptr, addends.stride,
          addends.each_row != nullptr ? addends.each_row + column : nullptr};
}

/// Prefetches the line of c at a column, which is to be stored, and what is added to it.
template <class T>
LM_INLINE void prefetch_block(const T* c, std::int64_t c_stride, const Addends<T>& addends, std::int64_t row,
                              std::int64_t column) {
  __builtin_prefetch(c + row * c_stride + column, 1);
  if (addends.rows != nullptr && addends.rows != c) __builtin_prefetch(addends.rows + row * addends.stride + column);
}

/// Adds to sums, from this row and column on, the addends that there are.
template <class T, bool kRows, bool kEachRow>
struct AddendSum {
  LM_INLINE Vec<T> operator()(Vec<T> sums, std::int64_t row, std::int64_t column, std::int64_t count) const {
    if constexpr (!kRows && !kEachRow) return sums;
    Vec<T> added = {};
    if constexpr (kRows) added = load(addends.rows + row * addends.stride + column, count);
    // In this order, as tiles do whose products know of no addends.
    if constexpr (kEachRow)
      added = kRows ? added + load(addends.each_row + column, count) : load(addends.each_row + column, count);
    return added + sums;
  }
  const Addends<T>& addends;
};

/// body(sum), compiled for each kind of addends, so that no kind costs another anything: sum is an AddendSum.
template <class T, class Body>
LM_INLINE void with_addends(const Addends<T>& addends, Body&& body) {
  if (addends.rows == nullptr && addends.each_row == nullptr) {
    body(AddendSum<T, false, false>{addends});
  } else if (addends.each_row == nullptr) {
    body(AddendSum<T, true, false>{addends});
  } else if (addends.rows == nullptr) {
    body(AddendSum<T, false, true>{addends});
  } else {
    body(AddendSum<T, true, true>{addends});
  }
}

}  // namespace
}  // namespace lm::LM_TIER
