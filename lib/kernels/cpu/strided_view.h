// strided(): the rows of a TensorView as kernels over raw pointers take them.
#pragma once

#include "kernels/cpu/strided.h"
#include "tensor/view.h"

namespace lm {

/// Returns the rows of a view, from this row and column on.
template <class T>
Strided<T> strided(const TensorView<T>& view, std::int64_t row = 0, std::int64_t column = 0) {
  return {view.row(row) + column, view.stride(0)};
}

}  // namespace lm
