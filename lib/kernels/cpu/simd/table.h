// The row-level kernels that every SIMD tier provides, as plain functions over raw pointers.
#pragma once

#include <cstdint>

namespace lm {

/// One step of AdamW with its constants folded: see kernels/optimizer.h.
template <class T>
struct AdamWConstants {
  T gradient_scale;
  T beta1, one_minus_beta1;
  T beta2, one_minus_beta2;
  T step_size;     // learning_rate / (1 - beta1^t)
  T inverse_root;  // 1 / sqrt(1 - beta2^t)
  T eps;
  T decay;  // learning_rate * weight_decay
};

/// What a thread reads next: `rows` rows of `bytes` bytes, `stride` bytes apart. Products ask for it while they compute.
struct ReadNext {
  const char* data = nullptr;
  std::int64_t stride = 0;
  std::int64_t rows = 0;
  std::int64_t bytes = 0;
};

/// What a product is added to: rows (m, n), `stride` elements apart, and one row (n) for all of them; either may be null.
/// The rows may be the result's own.
template <class T>
struct Addends {
  const T* rows = nullptr;
  std::int64_t stride = 0;
  const T* each_row = nullptr;
};

/// A table of functions, filled by each tier for float and double. The double ones are the same templates, so that gradient
/// checks in double prove the formulas that run in float. Counts are elements; n and width may be anything from 0 up.
/// Strides are elements between rows.
template <class T>
struct SimdKernels {
  // elementwise.cpp
  void (*add)(T* y, const T* x, std::int64_t n);
  /// sums[j] += the sum of x[r * stride + j] over rows r.
  void (*add_columns)(T* sums, const T* x, std::int64_t stride, std::int64_t rows, std::int64_t n);
  void (*scale)(T* y, T factor, std::int64_t n);
  double (*sum_of_squares)(const T* x, std::int64_t n);
  bool (*all_finite)(const T* x, std::int64_t n);
  /// Elements [first, first + n) of the tensor; first is a multiple of 4.
  void (*dropout)(T* y, std::int64_t n, std::uint64_t first, std::uint64_t key, std::uint64_t stream,
                  std::uint32_t threshold, T keep_scale);
  void (*rotate)(T* x, const T* cosine, const T* sine, std::int64_t half, std::int64_t heads, std::int64_t head_stride,
                 T direction);

  // norm.cpp: a block of rows
  void (*layernorm_forward)(T* y, std::int64_t y_stride, T* mean, T* rstd, const T* x, std::int64_t x_stride, const T* gain,
                            const T* bias, std::int64_t rows, std::int64_t width, T eps);
  void (*layernorm_backward)(T* dx, std::int64_t dx_stride, T* dgain, T* dbias, const T* dy, std::int64_t dy_stride,
                             const T* x, std::int64_t x_stride, const T* gain, const T* mean, const T* rstd,
                             std::int64_t rows, std::int64_t width);
  void (*rmsnorm_forward)(T* y, std::int64_t y_stride, T* rstd, const T* x, std::int64_t x_stride, const T* gain,
                          std::int64_t rows, std::int64_t width, T eps);
  /// dx += (keep 1) or dx = (keep 0); dx may be dy where keep is 0.
  void (*rmsnorm_backward)(T* dx, std::int64_t dx_stride, T* dgain, const T* dy, std::int64_t dy_stride, const T* x,
                           std::int64_t x_stride, const T* gain, const T* rstd, std::int64_t rows, std::int64_t width,
                           T keep);

  // activation.cpp
  void (*exponential)(T* y, const T* x, std::int64_t n);
  void (*gelu_forward)(T* y, const T* x, std::int64_t n);
  void (*gelu_backward)(T* dx, const T* dy, const T* x, std::int64_t n);
  void (*swiglu_forward)(T* y, const T* gate, const T* up, std::int64_t n);
  void (*swiglu_backward)(T* dgate, T* dup, const T* dy, const T* gate, const T* up, std::int64_t n);

  // softmax.cpp
  T (*maximum)(const T* x, std::int64_t n);
  /// Sum of exp(x - shift); y, where not null, receives the terms (y may be x).
  double (*exp_sum)(T* y, const T* x, std::int64_t n, T shift);
  /// scores[j] <- exp(scale * scores[j] - scale * max) for j < limit, 0 for limit <= j < keys; documents (or null) hide keys
  /// of another document. Returns log(sum of exp(scale * score)); *inverse_sum is 1 / the sum of what was written.
  T(*attention_weights)
  (T* scores, std::int64_t keys, std::int64_t limit, const std::int32_t* documents, std::int32_t document, T scale,
   T* inverse_sum);
  /// scores <- weights p = exp(scale * score - log_sum_exp); dweights <- scale * p * (dweights - delta); 0 where unseen.
  void (*attention_gradients)(T* scores, T* dweights, std::int64_t keys, std::int64_t limit, const std::int32_t* documents,
                              std::int32_t document, T scale, T log_sum_exp, T delta);

  // decode.cpp
  /// Sum of x[i] w[i]: a fixed pattern of lanes and a fixed tree.
  T (*dot)(const T* x, const T* w, std::int64_t n);
  /// y[r * y_stride + o] = x[r] . w[o] (+ bias[o]) for a block of outputs, each as dot computes it.
  void (*linear_decode)(T* y, std::int64_t y_stride, const T* x, std::int64_t x_stride, std::int64_t rows, const T* weight,
                        std::int64_t weight_stride, const T* bias, std::int64_t outputs, std::int64_t inputs);
  /// y = sum of weights[j] * rows[j], in the order of j. rows: (count, n).
  void (*weighted_rows)(T* y, const T* weights, const T* rows, std::int64_t stride, std::int64_t count, std::int64_t n);

  // gemm.cpp
  /// Columns of one packed panel.
  std::int64_t panel;
  /// Elements of scratch that gemm needs.
  std::int64_t (*gemm_scratch)(std::int64_t m, std::int64_t n);
  /// c (m, n) = a (m, k) b (k, n), or += where add; each operand as it lies, or transposed. k = 0 leaves c alone.
  void (*gemm)(T* c, std::int64_t c_stride, const T* a, std::int64_t a_stride, bool a_transposed, const T* b,
               std::int64_t b_stride, bool b_transposed, std::int64_t m, std::int64_t n, std::int64_t k, bool add,
               T* scratch);
  /// Packs b (depth, n) into panels, each depth * panel elements, the last padded with zeros.
  void (*pack_panels)(T* packed, const T* b, std::int64_t stride, bool transposed, std::int64_t depth, std::int64_t n);
  /// c = a b + addends, b in packed panels, `panel_stride` apart.
  void (*multiply_packed)(T* c, std::int64_t c_stride, const T* a, std::int64_t a_stride, bool a_transposed, const T* packed,
                          std::int64_t panel_stride, std::int64_t m, std::int64_t n, std::int64_t depth,
                          const Addends<T>& addends);

  // muon.cpp
  /// g = gradient_share * gradient; moment = momentum * moment + g; update = momentum * moment + g.
  void (*nesterov)(T* update, T* moment, const T* gradient, std::int64_t n, T momentum, T gradient_share);
  /// y = y_factor * y + x_factor * x.
  void (*combine)(T* y, const T* x, T y_factor, T x_factor, std::int64_t n);
  /// Above the diagonal of x (n, n), what is below it.
  void (*mirror)(T* x, std::int64_t n);
  /// Packs the left factor a (m, depth) of a product, whose transpose lies in memory as (depth, m), into block_elements
  /// elements.
  std::int64_t (*block_elements)(std::int64_t m, std::int64_t depth);
  void (*pack_blocks)(T* packed, const T* a, std::int64_t stride, std::int64_t m, std::int64_t depth);
  /// The product with both factors packed.
  void (*multiply_blocks)(T* c, std::int64_t c_stride, const T* blocks, const T* panels, std::int64_t panel_stride,
                          std::int64_t m, std::int64_t n, std::int64_t depth, const Addends<T>& addends,
                          const ReadNext& next);

  // optimizer.cpp
  void (*adamw)(T* weight, T* first, T* second, const T* gradient, std::int64_t n, const AdamWConstants<T>& constants);
  void (*moving_average)(T* average, const T* weight, T decay, std::int64_t n);
  /// Runs `rounds` rounds of independent multiply-adds in registers; returns a value that depends on all of them.
  T (*multiply_add_rounds)(std::int64_t rounds);
  /// Floating-point operations in one such round.
  std::int64_t operations_per_round;
};

}  // namespace lm
