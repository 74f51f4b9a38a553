#include "kernels/cpu/simd/activation.h"

#include "kernels/cpu/simd/groups.h"
#include "kernels/cpu/simd/vector.h"

namespace lm::LM_TIER {
namespace {

template <class T>
inline constexpr T kTwoRootTwoOverPi = static_cast<T>(1.5957691216057307117597842397375);
template <class T>
inline constexpr T kCubic = static_cast<T>(0.044715);

/// 0.5 (1 + tanh(u)) as sigmoid(2u), so that one exponential serves all activations.
template <class T>
LM_INLINE Vec<T> gelu_gate(Vec<T> x) {
  return sigmoid<T>(kTwoRootTwoOverPi<T> * x * (T{1} + kCubic<T> * x * x));
}

template <class T>
void exponential(T* y, const T* x, std::int64_t n) {
  each_vector<T>(n, [&](std::int64_t i, std::int64_t count) { store(y + i, exp_of(load(x + i, count)), count); });
}

template <class T>
void gelu_forward(T* y, const T* x, std::int64_t n) {
  each_vector<T>(n, [&](std::int64_t i, std::int64_t count) {
    const Vec<T> v = load(x + i, count);
    store(y + i, Vec<T>(v * gelu_gate<T>(v)), count);
  });
}

template <class T>
void gelu_backward(T* dx, const T* dy, const T* x, std::int64_t n) {
  each_vector<T>(n, [&](std::int64_t i, std::int64_t count) {
    const Vec<T> v = load(x + i, count);
    const Vec<T> gate = gelu_gate<T>(v);
    const Vec<T> slope = kTwoRootTwoOverPi<T> * (T{1} + T{3} * kCubic<T> * v * v);
    const Vec<T> derivative = gate + v * gate * (T{1} - gate) * slope;
    store(dx + i, Vec<T>(load(dx + i, count) + load(dy + i, count) * derivative), count);
  });
}

template <class T>
void swiglu_forward(T* y, const T* gate, const T* up, std::int64_t n) {
  each_vector<T>(n, [&](std::int64_t i, std::int64_t count) {
    const Vec<T> g = load(gate + i, count);
    store(y + i, Vec<T>(g * sigmoid<T>(g) * load(up + i, count)), count);
  });
}

template <class T>
void swiglu_backward(T* dgate, T* dup, const T* dy, const T* gate, const T* up, std::int64_t n) {
  each_vector<T>(n, [&](std::int64_t i, std::int64_t count) {
    const Vec<T> g = load(gate + i, count), d = load(dy + i, count);
    const Vec<T> s = sigmoid<T>(g);
    const Vec<T> silu = g * s;
    store(dup + i, Vec<T>(load(dup + i, count) + d * silu), count);
    const Vec<T> slope = s + silu * (T{1} - s);
    store(dgate + i, Vec<T>(load(dgate + i, count) + d * load(up + i, count) * slope), count);
  });
}

}  // namespace

template <class T>
ActivationKernels<T> activation_kernels() {
  return {.exponential = exponential<T>,
          .gelu_forward = gelu_forward<T>,
          .gelu_backward = gelu_backward<T>,
          .swiglu_forward = swiglu_forward<T>,
          .swiglu_backward = swiglu_backward<T>};
}
template ActivationKernels<float> activation_kernels();
template ActivationKernels<double> activation_kernels();

}  // namespace lm::LM_TIER
