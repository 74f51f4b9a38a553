#include "kernels/cpu/simd/optimizer.h"

#include "kernels/cpu/simd/groups.h"
#include "kernels/cpu/simd/vector.h"

namespace lm::LM_TIER {
namespace {

template <class T>
void adamw(T* __restrict weight, T* __restrict first, T* __restrict second, const T* __restrict gradient, std::int64_t n,
           const AdamWConstants<T>& constants) {
  const AdamWConstants<T> c = constants;
  for (std::int64_t i = 0; i < n; ++i) {
    const T g = gradient[i] * c.gradient_scale;
    const T m = c.beta1 * first[i] + c.one_minus_beta1 * g;
    const T v = c.beta2 * second[i] + c.one_minus_beta2 * g * g;
    first[i] = m;
    second[i] = v;
    const T w = weight[i];
    weight[i] = w - (c.step_size * m / (square_root(v) * c.inverse_root + c.eps) + c.decay * w);
  }
}

template <class T>
void moving_average(T* __restrict average, const T* __restrict weight, T decay, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) average[i] = decay * average[i] + (T{1} - decay) * weight[i];
}

// Enough independent chains to hide the latency of a multiply-add on two units, and few enough for the registers.
#if defined(LM_TIER_avx512)
inline constexpr int kChains = 14;
#else
inline constexpr int kChains = 12;
#endif

template <class T>
T multiply_add_rounds(std::int64_t rounds) {
  Vec<T> chains[kChains];
  for (int k = 0; k < kChains; ++k) chains[k] = broadcast(static_cast<T>(k));
  // Opaque to the compiler, so that nothing is folded.
  T opaque[2] = {static_cast<T>(0.5), static_cast<T>(1e-3)};
  asm volatile("" : : "r"(opaque) : "memory");
  const Vec<T> factor = broadcast(opaque[0]), term = broadcast(opaque[1]);
  for (std::int64_t r = 0; r < rounds; ++r) {
#pragma GCC unroll 16
    for (int k = 0; k < kChains; ++k) chains[k] = chains[k] * factor + term;
  }
  Vec<T> sum = chains[0];
  for (int k = 1; k < kChains; ++k) sum += chains[k];
  return sum_lanes<T>(sum);
}

}  // namespace

template <class T>
OptimizerKernels<T> optimizer_kernels() {
  return {.adamw = adamw<T>,
          .moving_average = moving_average<T>,
          .multiply_add_rounds = multiply_add_rounds<T>,
          .operations_per_round = 2 * kChains * kLanes<T>};
}
template OptimizerKernels<float> optimizer_kernels();
template OptimizerKernels<double> optimizer_kernels();

}  // namespace lm::LM_TIER
