// LayerNorm and RMSNorm over a block of rows.
#include "kernels/cpu/simd/vector.h"

namespace lm::LM_TIER {
namespace {

LM_INLINE float square_root(float x) { return __builtin_sqrtf(x); }
LM_INLINE double square_root(double x) { return __builtin_sqrt(x); }

template <class T>
void layernorm_forward(T* y, std::int64_t y_stride, T* mean, T* rstd, const T* x, std::int64_t x_stride, const T* gain,
                       const T* bias, std::int64_t rows, std::int64_t width, T eps) {
  const T inverse_width = T{1} / static_cast<T>(width);
  for (std::int64_t r = 0; r < rows; ++r, x += x_stride, y += y_stride) {
    Vec<T> sum = {};
    each_vector<T>(width, [&](std::int64_t i, std::int64_t count) { sum += load(x + i, count); });
    const T m = sum_lanes<T>(sum) * inverse_width;
    Vec<T> squares = {};
    each_vector<T>(width, [&](std::int64_t i, std::int64_t count) {
      const Vec<T> centred = keep_first<T>(load(x + i, count) - m, count, T{0});
      squares += centred * centred;
    });
    const T k = T{1} / square_root(sum_lanes<T>(squares) * inverse_width + eps);
    mean[r] = m;
    rstd[r] = k;
    each_vector<T>(width, [&](std::int64_t i, std::int64_t count) {
      Vec<T> out = (load(x + i, count) - m) * k * load(gain + i, count);
      if (bias != nullptr) out += load(bias + i, count);
      store(y + i, out, count);
    });
  }
}

template <class T>
void layernorm_backward(T* dx, std::int64_t dx_stride, T* dgain, T* dbias, const T* dy, std::int64_t dy_stride, const T* x,
                        std::int64_t x_stride, const T* gain, const T* mean, const T* rstd, std::int64_t rows,
                        std::int64_t width) {
  const T inverse_width = T{1} / static_cast<T>(width);
  for (std::int64_t r = 0; r < rows; ++r, x += x_stride, dy += dy_stride, dx += dx_stride) {
    const T m = mean[r], k = rstd[r];
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
      store(dx + i, Vec<T>(load(dx + i, count) + k * (dnormed - a - normed * b)), count);
    });
  }
}

template <class T>
void rmsnorm_forward(T* y, std::int64_t y_stride, T* rstd, const T* x, std::int64_t x_stride, const T* gain,
                     std::int64_t rows, std::int64_t width, T eps) {
  const T inverse_width = T{1} / static_cast<T>(width);
  for (std::int64_t r = 0; r < rows; ++r, x += x_stride, y += y_stride) {
    Vec<T> squares = {};
    each_vector<T>(width, [&](std::int64_t i, std::int64_t count) {
      const Vec<T> v = load(x + i, count);
      squares += v * v;
    });
    const T k = T{1} / square_root(sum_lanes<T>(squares) * inverse_width + eps);
    rstd[r] = k;
    each_vector<T>(width, [&](std::int64_t i, std::int64_t count) {
      store(y + i, Vec<T>(load(x + i, count) * k * load(gain + i, count)), count);
    });
  }
}

template <class T>
void rmsnorm_backward(T* dx, std::int64_t dx_stride, T* dgain, const T* dy, std::int64_t dy_stride, const T* x,
                      std::int64_t x_stride, const T* gain, const T* rstd, std::int64_t rows, std::int64_t width, T keep) {
  const T inverse_width = T{1} / static_cast<T>(width);
  for (std::int64_t r = 0; r < rows; ++r, x += x_stride, dy += dy_stride, dx += dx_stride) {
    const T k = rstd[r];
    Vec<T> sum = {};
    each_vector<T>(width, [&](std::int64_t i, std::int64_t count) {
      const Vec<T> d = load(dy + i, count), normed = load(x + i, count) * k;
      sum += d * load(gain + i, count) * normed;
      store(dgain + i, Vec<T>(load(dgain + i, count) + d * normed), count);
    });
    const T b = sum_lanes<T>(sum) * inverse_width * k;
    each_vector<T>(width, [&](std::int64_t i, std::int64_t count) {
      const Vec<T> normed = load(x + i, count) * b;
      const Vec<T> gradient = k * (load(dy + i, count) * load(gain + i, count) - normed);
      store(dx + i, keep != T{0} ? Vec<T>(load(dx + i, count) + gradient) : gradient, count);
    });
  }
}

}  // namespace

template <class T>
void fill_norm(SimdKernels<T>& kernels) {
  kernels.layernorm_forward = layernorm_forward<T>;
  kernels.layernorm_backward = layernorm_backward<T>;
  kernels.rmsnorm_forward = rmsnorm_forward<T>;
  kernels.rmsnorm_backward = rmsnorm_backward<T>;
}
template void fill_norm(SimdKernels<float>&);
template void fill_norm(SimdKernels<double>&);

}  // namespace lm::LM_TIER
