// Panels of packed weights, and their products with few rows: kernels/packed.h says what they are.
#pragma once

#include <cstdint>

#include "kernels/cpu/products/product.h"

namespace lm {

/// The kernels of one type of weights.
struct PanelKernels {
  /// Columns of a panel: those of one or two panels of GemmKernels<float>.
  std::int64_t columns;
  /// Bytes of a panel.
  std::int64_t (*bytes)(std::int64_t inputs);
  /// Packs `count` rows (count, inputs); other columns of the panel become zeros.
  void (*pack)(char* panel, Strided<const float> rows, std::int64_t count, std::int64_t inputs);
  /// Unpacks a panel into those of GemmKernels<float>, one after the other.
  void (*unpack)(float* to, const char* panel, std::int64_t inputs);
  /// y (inputs) = one column of a panel.
  void (*unpack_column)(float* y, const char* panel, std::int64_t column, std::int64_t inputs);
  /// c = a b + addends, for few rows: b is `depth` lines, from line `first` on, of panels of which `stride` is the bytes.
  void (*multiply)(Strided<float> c, Strided<const float> a, Strided<const char> panels, std::int64_t first,
                   ProductShape shape, const Addends<float>& addends);
};

/// In the order of WeightType.
struct PackedKernels {
  PanelKernels of[3];
};

}  // namespace lm
