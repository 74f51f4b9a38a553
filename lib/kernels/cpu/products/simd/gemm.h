// Products of one tile in fp32 and double, and the packing of their factors. See products/product.h for the words.
#pragma once

#include <cstdint>

#include "kernels/cpu/products/product.h"

namespace lm {

template <class T>
struct GemmKernels {
  /// Columns of a panel.
  std::int64_t panel;
  /// c = a b, or += if `add`; depth 0 leaves c as it is. scratch: scratch_elements(m, n).
  void (*multiply)(Strided<T> c, Operand<T> a, Operand<T> b, ProductShape shape, bool add, T* scratch);
  std::int64_t (*scratch_elements)(std::int64_t m, std::int64_t n);

  /// Packs b (depth, n) into panels, each of depth * panel elements, the last one padded with zeros.
  void (*pack_panels)(T* packed, Operand<T> b, std::int64_t depth, std::int64_t n);
  /// c = a b + addends, b in panels, whose `stride` is from one to the next.
  void (*multiply_packed)(Strided<T> c, Operand<T> a, Strided<const T> panels, ProductShape shape,
                          const Addends<T>& addends);

  /// Packs a (m, depth), whose transpose lies in memory as (depth, m), into blocks of block_elements(m, depth) elements.
  void (*pack_blocks)(T* packed, Strided<const T> a, std::int64_t m, std::int64_t depth);
  std::int64_t (*block_elements)(std::int64_t m, std::int64_t depth);
  /// c = a b + addends, both packed.
  void (*multiply_blocks)(Strided<T> c, const T* blocks, Strided<const T> panels, ProductShape shape,
                          const Addends<T>& addends, const ReadNext& next);
};

}  // namespace lm
