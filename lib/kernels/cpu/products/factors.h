// The factors that our own kernels multiply, fp32 or 16-bit, behind one set of names: what linear layers and attention
// are written over.
#pragma once

#include <type_traits>

#include "base/error.h"
#include "base/round.h"
#include "kernels/cpu/dispatch.h"
#include "kernels/cpu/products/half_kernels.h"

namespace lm {

/// Rows of a left factor as multiply_rows reads them.
template <class Unit, class Number>
struct FactorRows {
  const Unit* data;
  std::int64_t stride;  // units between rows
  Number scale;         // the product's, for what the rows were multiplied by
};

/// No rounding: rows are read where they lie.
template <class T>
class PlainFactors {
 public:
  using Number = T;   // of what is multiplied, and of the product
  using Element = T;  // of packed panels
  using Unit = T;     // of rows and blocks
  using Rows = FactorRows<Unit, Number>;
  explicit PlainFactors(SimdTier tier) : kernels_(simd_kernels<T>(tier)) {}

  std::int64_t panel() const { return kernels_.panel; }
  std::int64_t panel_size(std::int64_t depth) const { return depth * panel(); }
  std::int64_t unit_depth() const { return 1; }
  T scale_of(const T*, std::int64_t, std::int64_t, std::int64_t) const { return 1; }
  void pack_panels(T* packed, const T* b, std::int64_t stride, bool transposed, std::int64_t depth, std::int64_t n,
                   T) const {
    kernels_.pack_panels(packed, b, stride, transposed, depth, n);
  }
  std::int64_t row_units(std::int64_t, std::int64_t) const { return 0; }
  Rows prepare_rows(T*, const T* a, std::int64_t stride, std::int64_t, std::int64_t) const { return {a, stride, 1}; }
  void multiply_rows(T* c, std::int64_t c_stride, const Rows& a, const T* panels, std::int64_t panel_stride, std::int64_t m,
                     std::int64_t n, std::int64_t depth, const Addends<T>& addends) const {
    kernels_.multiply_packed(c, c_stride, a.data, a.stride, false, panels, panel_stride, m, n, depth, addends);
  }
  std::int64_t block_units(std::int64_t m, std::int64_t depth) const { return kernels_.block_elements(m, depth); }
  void pack_blocks(T* packed, const T* a, std::int64_t stride, std::int64_t m, std::int64_t depth, T) const {
    kernels_.pack_blocks(packed, a, stride, m, depth);
  }
  void multiply_blocks(T* c, std::int64_t c_stride, const T* blocks, const T* panels, std::int64_t panel_stride,
                       std::int64_t m, std::int64_t n, std::int64_t depth, const Addends<T>& addends, T,
                       const ReadNext& next) const {
    kernels_.multiply_blocks(c, c_stride, blocks, panels, panel_stride, m, n, depth, addends, next);
  }
  /// Units of memory that multiply_columns needs.
  std::int64_t column_units(std::int64_t, std::int64_t) const { return 0; }
  /// c = scale * a b + addends, where a's transpose lies in memory as (depth, m).
  void multiply_columns(T* c, std::int64_t c_stride, const T* a, std::int64_t a_stride, const T* panels,
                        std::int64_t panel_stride, std::int64_t m, std::int64_t n, std::int64_t depth,
                        const Addends<T>& addends, T, T*) const {
    kernels_.multiply_packed(c, c_stride, a, a_stride, true, panels, panel_stride, m, n, depth, addends);
  }

 private:
  const SimdKernels<T>& kernels_;
};

using FloatFactors = PlainFactors<float>;

/// bf16 or fp16: rows are rounded first.
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
  float scale_of(const float* x, std::int64_t stride, std::int64_t rows, std::int64_t columns) const {
    return kernels_.scale_of(x, stride, rows, columns);
  }
  void pack_panels(Element* packed, const float* b, std::int64_t stride, bool transposed, std::int64_t depth, std::int64_t n,
                   float scale) const {
    kernels_.pack_panels(packed, b, stride, transposed, depth, n, scale);
  }
  std::int64_t row_units(std::int64_t m, std::int64_t depth) const { return m * row_stride(depth); }
  Rows prepare_rows(Unit* memory, const float* a, std::int64_t stride, std::int64_t m, std::int64_t depth) const {
    const float scale = scale_of(a, stride, m, depth);
    kernels_.pack_rows(memory, row_stride(depth), a, stride, m, depth, scale);
    return {memory, row_stride(depth), 1 / scale};
  }
  void multiply_rows(float* c, std::int64_t c_stride, const Rows& a, const Element* panels, std::int64_t panel_stride,
                     std::int64_t m, std::int64_t n, std::int64_t depth, const Addends<float>& addends) const {
    kernels_.multiply(c, c_stride, a.data, a.stride, panels, panel_stride, m, n, depth, addends, a.scale, {});
  }
  std::int64_t block_units(std::int64_t m, std::int64_t depth) const { return kernels_.block_units(m, depth); }
  void pack_blocks(Unit* packed, const float* a, std::int64_t stride, std::int64_t m, std::int64_t depth,
                   float scale) const {
    kernels_.pack_blocks(packed, a, stride, m, depth, scale);
  }
  void multiply_blocks(float* c, std::int64_t c_stride, const Unit* blocks, const Element* panels, std::int64_t panel_stride,
                       std::int64_t m, std::int64_t n, std::int64_t depth, const Addends<float>& addends, float scale,
                       const ReadNext& next) const {
    kernels_.multiply(c, c_stride, blocks, 0, panels, panel_stride, m, n, depth, addends, scale, next);
  }
  std::int64_t column_units(std::int64_t m, std::int64_t depth) const { return block_units(m, depth); }
  void multiply_columns(float* c, std::int64_t c_stride, const float* a, std::int64_t a_stride, const Element* panels,
                        std::int64_t panel_stride, std::int64_t m, std::int64_t n, std::int64_t depth,
                        const Addends<float>& addends, float scale, Unit* memory) const {
    const float a_scale = scale_of(a, a_stride, depth, m);
    pack_blocks(memory, a, a_stride, m, depth, a_scale);
    multiply_blocks(c, c_stride, memory, panels, panel_stride, m, n, depth, addends, scale / a_scale, {});
  }

 private:
  std::int64_t steps(std::int64_t depth) const { return divide_up(depth, unit_depth()); }
  /// Off the powers of two, which fall on few sets of the cache.
  std::int64_t row_stride(std::int64_t depth) const { return round_up(steps(depth), 16) + 16; }
  const HalfKernels& kernels_;
};

/// body(factors) with what a precision's products multiply.
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
