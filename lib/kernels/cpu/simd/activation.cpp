#include "kernels/cpu/simd/activation.h"

#include "kernels/cpu/simd/groups.h"
#include "kernels/cpu/simd/vector.h"

namespace lm::LM_TIER {
namespace {

template <class T>
inline constexpr T kTwoRootTwoOverPi = static_cast<T>(1.5957691216057307117597842397375);
template <class T>
inline constexpr T kCubic = static_cast<T>(0.044715);
template <class T>
inline constexpr T kRootHalf = static_cast<T>(0.70710678118654752440084436210485);
template <class T>
inline constexpr T kInverseRootTwoPi = static_cast<T>(0.39894228040143267793994605993438);

// An activation has value(x) = x * gate(x) and slope(x), its derivative.

template <class T>
struct TanhGelu {
  /// 0.5 (1 + tanh(u)) as sigmoid(2u), so that one exponential serves all activations.
  static LM_INLINE Vec<T> gate(Vec<T> x) { return sigmoid<T>(kTwoRootTwoOverPi<T> * x * (T{1} + kCubic<T> * x * x)); }
  static LM_INLINE Vec<T> slope(Vec<T> x, Vec<T> gate) {
    const Vec<T> slope = kTwoRootTwoOverPi<T> * (T{1} + T{3} * kCubic<T> * x * x);
    return gate + x * gate * (T{1} - gate) * slope;
  }
};

template <class T>
struct Gelu {
  static LM_INLINE Vec<T> gate(Vec<T> x) { return T(0.5) * (T{1} + erf_of(x * kRootHalf<T>)); }
  static LM_INLINE Vec<T> slope(Vec<T> x, Vec<T> gate) { return gate + x * kInverseRootTwoPi<T> * exp_of(T(-0.5) * x * x); }
};

template <class T>
struct Silu {
  static LM_INLINE Vec<T> gate(Vec<T> x) { return sigmoid<T>(x); }
  static LM_INLINE Vec<T> slope(Vec<T> x, Vec<T> gate) {
    const Vec<T> silu = x * gate;
    return gate + silu * (T{1} - gate);
  }
};

template <class T>
struct Relu {
  static LM_INLINE Vec<T> gate(Vec<T> x) { return x > Vec<T>{} ? broadcast(T{1}) : Vec<T>{}; }
  static LM_INLINE Vec<T> slope(Vec<T>, Vec<T> gate) { return gate; }
};

template <class T>
void exponential(T* y, const T* x, std::int64_t n) {
  each_vector<T>(n, [&](std::int64_t i, std::int64_t count) { store(y + i, exp_of(load(x + i, count)), count); });
}

template <class T, template <class> class Function>
void forward(T* y, const T* x, std::int64_t n) {
  each_vector<T>(n, [&](std::int64_t i, std::int64_t count) {
    const Vec<T> v = load(x + i, count);
    store(y + i, Vec<T>(v * Function<T>::gate(v)), count);
  });
}

template <class T, template <class> class Function>
void backward(T* dx, const T* dy, const T* x, std::int64_t n) {
  each_vector<T>(n, [&](std::int64_t i, std::int64_t count) {
    const Vec<T> v = load(x + i, count);
    const Vec<T> slope = Function<T>::slope(v, Function<T>::gate(v));
    store(dx + i, Vec<T>(load(dx + i, count) + load(dy + i, count) * slope), count);
  });
}

template <class T, template <class> class Function>
void gated_forward(T* y, const T* gate, const T* up, std::int64_t n) {
  each_vector<T>(n, [&](std::int64_t i, std::int64_t count) {
    const Vec<T> g = load(gate + i, count);
    store(y + i, Vec<T>(g * Function<T>::gate(g) * load(up + i, count)), count);
  });
}

template <class T, template <class> class Function>
void gated_backward(T* dgate, T* dup, const T* dy, const T* gate, const T* up, std::int64_t n) {
  each_vector<T>(n, [&](std::int64_t i, std::int64_t count) {
    const Vec<T> g = load(gate + i, count), d = load(dy + i, count);
    const Vec<T> s = Function<T>::gate(g);
    store(dup + i, Vec<T>(load(dup + i, count) + d * (g * s)), count);
    const Vec<T> slope = Function<T>::slope(g, s);
    store(dgate + i, Vec<T>(load(dgate + i, count) + d * load(up + i, count) * slope), count);
  });
}

template <class T, template <class> class Function>
constexpr ActivationFunctions<T> functions() {
  return {.forward = forward<T, Function>,
          .backward = backward<T, Function>,
          .gated_forward = gated_forward<T, Function>,
          .gated_backward = gated_backward<T, Function>};
}

}  // namespace

template <class T>
ActivationKernels<T> activation_kernels() {
  return {.exponential = exponential<T>,
          .of = {functions<T, TanhGelu>(), functions<T, Gelu>(), functions<T, Silu>(), functions<T, Relu>()}};
}
template ActivationKernels<float> activation_kernels();
template ActivationKernels<double> activation_kernels();

}  // namespace lm::LM_TIER
