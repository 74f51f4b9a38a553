#include "kernels/cpu/simd/norm.h"

#include "kernels/cpu/simd/groups.h"
#include "kernels/cpu/simd/vector.h"

namespace lm::LM_TIER {
namespace {

template <class T>
void layernorm_forward(Strided<T> y_rows, RowMoments<T> moments, Strided<const T> x_rows, const T* gain, const T* bias,
                       NormShape shape, T eps) {
  const std::int64_t width = shape.width;
  const T inverse_width = T{1} / static_cast<T>(width);
  const T* x = x_rows.data;
  T* y = y_rows.data;
  for (std::int64_t r = 0; r < shape.rows; ++r, x += x_rows.stride, y += y_rows.stride) {
    Vec<T> sum = {};
    each_vector<T>(width, [&](std::int64_t i, std::int64_t count) { sum += load(x + i, count); });
    const T m = sum_lanes<T>(sum) * inverse_width;
    Vec<T> squares = {};
    each_vector<T>(width, [&](std::int64_t i, std::int64_t count) {
      const Vec<T> centred = keep_first<T>(load(x + i, count) - m, count, T{0});
      squares += centred * centred;
    });
    const T k = T{1} / square_root(sum_lanes<T>(squares) * inverse_width + eps);
    moments.mean[r] = m;
    moments.rstd[r] = k;
    each_vector<T>(width, [&](std::int64_t i, std::int64_t count) {
      Vec<T> out = (load(x + i, count) - m) * k * load(gain + i, count);
      if (bias != nullptr) out += load(bias + i, count);
      store(y + i, out, count);
    });
  }
}

template <class T>
void layernorm_backward(Strided<T> dx_rows, T* dgain, T* dbias, Strided<const T> dy_rows, Strided<const T> x_rows,
                        const T* gain, RowMoments<const T> moments, NormShape shape, T keep) {
  const std::int64_t width = shape.width;
  const T inverse_width = T{1} / static_cast<T>(width);
  const T *x = x_rows.data, *dy = dy_rows.data;
  T* dx = dx_rows.data;
  for (std::int64_t r = 0; r < shape.rows; ++r, x += x_rows.stride, dy += dy_rows.stride, dx += dx_rows.stride) {
    const T m = moments.mean[r], k = moments.rstd[r];
    Vec<T> sum = {}, sum_normed = {};
    each_vector<T>(width, [&](std::int64_t i, std::int64_t count) {
      const Vec<T> d = load(dy + i, count);
      const Vec<T> normed = (load(x + i, count) - m) * k;
      const Vec<T> dnormed = d * load(gain + i, count);
      sum += dnormed;
      sum_normed += dnormed * normed;
      store(dgain + i, Vec<T>(load(dgain + i, count) + d * normed), count);
      if (dbias != nullptr) store(dbias + i, Vec<T>(load(dbias + i, count) + d), count);
    });
    const T a = sum_lanes<T>(sum) * inverse_width, b = sum_lanes<T>(sum_normed) * inverse_width;
    each_vector<T>(width, [&](std::int64_t i, std::int64_t count) {
      const Vec<T> normed = (load(x + i, count) - m) * k;
      const Vec<T> dnormed = load(dy + i, count) * load(gain + i, count);
      const Vec<T> gradient = k * (dnormed - a - normed * b);
      store(dx + i, keep != T{0} ? Vec<T>(load(dx + i, count) + gradient) : gradient, count);
    });
  }
}

template <class T>
void rmsnorm_forward(Strided<T> y_rows, T* rstd, Strided<const T> x_rows, NormGain<T> gain, NormShape shape, T eps) {
  const std::int64_t width = shape.width;
  const T inverse_width = T{1} / static_cast<T>(width);
  const T* x = x_rows.data;
  T* y = y_rows.data;
  for (std::int64_t r = 0; r < shape.rows; ++r, x += x_rows.stride, y += y_rows.stride) {
    Vec<T> squares = {};
    each_vector<T>(width, [&](std::int64_t i, std::int64_t count) {
      const Vec<T> v = load(x + i, count);
      squares += v * v;
    });
    const T k = T{1} / square_root(sum_lanes<T>(squares) * inverse_width + eps);
    rstd[r] = k;
    each_vector<T>(width, [&](std::int64_t i, std::int64_t count) {
      store(y + i, Vec<T>(load(x + i, count) * k * (load(gain.gain + i, count) + gain.offset)), count);
    });
  }
}

template <class T>
void rmsnorm_backward(Strided<T> dx_rows, T* dgain, Strided<const T> dy_rows, Strided<const T> x_rows, NormGain<T> gain,
                      const T* rstd, NormShape shape, T keep) {
  const std::int64_t width = shape.width;
  const T inverse_width = T{1} / static_cast<T>(width);
  const T *x = x_rows.data, *dy = dy_rows.data;
  T* dx = dx_rows.data;
  for (std::int64_t r = 0; r < shape.rows; ++r, x += x_rows.stride, dy += dy_rows.stride, dx += dx_rows.stride) {
    const T k = rstd[r];
    Vec<T> sum = {};
    each_vector<T>(width, [&](std::int64_t i, std::int64_t count) {
      const Vec<T> d = load(dy + i, count), normed = load(x + i, count) * k;
      sum += d * (load(gain.gain + i, count) + gain.offset) * normed;
      store(dgain + i, Vec<T>(load(dgain + i, count) + d * normed), count);
    });
    const T b = sum_lanes<T>(sum) * inverse_width * k;
    each_vector<T>(width, [&](std::int64_t i, std::int64_t count) {
      const Vec<T> normed = load(x + i, count) * b;
      const Vec<T> gradient = k * (load(dy + i, count) * (load(gain.gain + i, count) + gain.offset) - normed);
      store(dx + i, keep != T{0} ? Vec<T>(load(dx + i, count) + gradient) : gradient, count);
    });
  }
}

}  // namespace

template <class T>
NormKernels<T> norm_kernels() {
  return {.layernorm_forward = layernorm_forward<T>,
          .layernorm_backward = layernorm_backward<T>,
          .rmsnorm_forward = rmsnorm_forward<T>,
          .rmsnorm_backward = rmsnorm_backward<T>};
}
template NormKernels<float> norm_kernels();
template NormKernels<double> norm_kernels();

}  // namespace lm::LM_TIER
