// The factors that our own kernels multiply, fp32 or 16-bit, behind one set of names: what linear layers and attention
// are written over. See product.h for the words.
#pragma once

#include <type_traits>

#include "base/error.h"
#include "base/round.h"
#include "kernels/cpu/products/half_kernels.h"
#include "kernels/cpu/tiers.h"

namespace lm {

/// Rows of a left factor, ready for Factors::multiply_rows.
template <class Unit, class Number>
struct FactorRows {
  const Unit* data;
  std::int64_t stride;  // units between rows
  Number scale;         // the product's, for what the rows were multiplied by
};

/// No rounding: rows are read where they lie, and nothing is scaled.
template <class T>
class PlainFactors {
 public:
  using Number = T;   // of what is multiplied, and of the product
  using Element = T;  // of panels
  using Unit = T;     // of rows and blocks
  using Rows = FactorRows<Unit, Number>;
  explicit PlainFactors(SimdTier tier) : kernels_(simd_kernels<T>(tier).gemm) {}

  /// Returns the columns of a panel.
  std::int64_t panel() const { return kernels_.panel; }
  /// Returns the elements of a panel.
  std::int64_t panel_size(std::int64_t depth) const { return depth * panel(); }
  /// Returns the lines of depth in one unit.
  std::int64_t unit_depth() const { return 1; }
  /// Returns what x (rows, columns) should be multiplied by before it is rounded.
  T scale_of(Strided<const T>, std::int64_t, std::int64_t) const { return 1; }
  /// Packs scale * b (depth, n) into panels.
  void pack_panels(Element* packed, Operand<T> b, std::int64_t depth, std::int64_t n, T) const {
    kernels_.pack_panels(packed, b, depth, n);
  }

  /// Returns the units of memory that prepare_rows needs.
  std::int64_t row_units(std::int64_t, std::int64_t) const { return 0; }
  /// Rounds a (m, depth) into memory if it must.
  Rows prepare_rows(Unit*, Strided<const T> a, std::int64_t, std::int64_t) const { return {a.data, a.stride, 1}; }
  /// c = a.scale * a b + addends.
  void multiply_rows(Strided<T> c, const Rows& a, Strided<const Element> panels, ProductShape shape,
                     const Addends<T>& addends) const {
    kernels_.multiply_packed(c, {a.data, a.stride}, panels, shape, addends);
  }

  std::int64_t block_units(std::int64_t m, std::int64_t depth) const { return kernels_.block_elements(m, depth); }
  /// Packs scale * a, whose transpose lies in memory as (depth, m), into block_units units.
  void pack_blocks(Unit* packed, Strided<const T> a, std::int64_t m, std::int64_t depth, T) const {
    kernels_.pack_blocks(packed, a, m, depth);
  }
  /// c = scale * a b + addends, a in blocks.
  void multiply_blocks(Strided<T> c, const Unit* blocks, Strided<const Element> panels, ProductShape shape,
                       const Addends<T>& addends, T, const ReadNext& next) const {
    kernels_.multiply_blocks(c, blocks, panels, shape, addends, next);
  }

  /// Returns the units of memory that multiply_columns needs.
  std::int64_t column_units(std::int64_t, std::int64_t) const { return 0; }
  /// c = scale * a b + addends, where a's transpose lies in memory as (depth, m).
  void multiply_columns(Strided<T> c, Strided<const T> a, Strided<const Element> panels, ProductShape shape,
                        const Addends<T>& addends, T, Unit*) const {
    kernels_.multiply_packed(c, {a.data, a.stride, true}, panels, shape, addends);
  }

 private:
  const GemmKernels<T>& kernels_;
};

using FloatFactors = PlainFactors<float>;

/// bf16 or fp16: rows are rounded first. The members are those of PlainFactors.
class HalfFactors {
 public:
  using Number = float;
  using Element = std::uint16_t;
  using Unit = HalfUnit;
  using Rows = FactorRows<Unit, Number>;
  explicit HalfFactors(Precision precision) : kernels_(half_kernels(precision)) {}

  std::int64_t panel() const { return kernels_.panel; }
  std::int64_t panel_size(std::int64_t depth) const { return steps(depth) * unit_depth() * panel(); }
  std::int64_t unit_depth() const { return kernels_.unit_depth; }
  float scale_of(Strided<const float> x, std::int64_t rows, std::int64_t columns) const {
    return kernels_.scale_of(x, rows, columns);
  }
  void pack_panels(Element* packed, Operand<float> b, std::int64_t depth, std::int64_t n, float scale) const {
    kernels_.pack_panels(packed, b, depth, n, scale);
  }

  std::int64_t row_units(std::int64_t m, std::int64_t depth) const { return m * row_stride(depth); }
  Rows prepare_rows(Unit* memory, Strided<const float> a, std::int64_t m, std::int64_t depth) const {
    const float scale = scale_of(a, m, depth);
    kernels_.pack_rows({memory, row_stride(depth)}, a, m, depth, scale);
    return {memory, row_stride(depth), 1 / scale};
  }
  void multiply_rows(Strided<float> c, const Rows& a, Strided<const Element> panels, ProductShape shape,
                     const Addends<float>& addends) const {
    kernels_.multiply(c, {a.data, a.stride}, panels, shape, addends, a.scale, {});
  }

  std::int64_t block_units(std::int64_t m, std::int64_t depth) const { return kernels_.block_units(m, depth); }
  void pack_blocks(Unit* packed, Strided<const float> a, std::int64_t m, std::int64_t depth, float scale) const {
    kernels_.pack_blocks(packed, a, m, depth, scale);
  }
  void multiply_blocks(Strided<float> c, const Unit* blocks, Strided<const Element> panels, ProductShape shape,
                       const Addends<float>& addends, float scale, const ReadNext& next) const {
    kernels_.multiply(c, {blocks, 0}, panels, shape, addends, scale, next);
  }

  std::int64_t column_units(std::int64_t m, std::int64_t depth) const { return block_units(m, depth); }
  void multiply_columns(Strided<float> c, Strided<const float> a, Strided<const Element> panels, ProductShape shape,
                        const Addends<float>& addends, float scale, Unit* memory) const {
    const float a_scale = scale_of(a, shape.depth, shape.m);
    pack_blocks(memory, a, shape.m, shape.depth, a_scale);
    multiply_blocks(c, memory, panels, shape, addends, scale / a_scale, {});
  }

 private:
  std::int64_t steps(std::int64_t depth) const { return divide_up(depth, unit_depth()); }
  /// Returns a distance off the powers of two, which fall on few sets of the cache.
  std::int64_t row_stride(std::int64_t depth) const { return round_up(steps(depth), 16) + 16; }
  const HalfKernels& kernels_;
};

/// Calls body(factors) with what a precision's products multiply.
template <class T, class Body>
void with_factors(SimdTier tier, Precision precision, Body&& body) {
  if constexpr (std::is_same_v<T, float>) {
    if (precision != Precision::fp32) {
      body(HalfFactors(precision));
      return;
    }
  }
  LM_CHECK(precision == Precision::fp32);
  body(PlainFactors<T>(tier));
}

}  // namespace lm
