#include "kernels/optimizer.h"

#include <cmath>

#include "kernels/cpu/tiers.h"
#include "kernels/cpu/tiling.h"

namespace lm {

template <class T>
void adamw(Compute& compute, TensorView<T> weight, TensorView<T> first_moment, TensorView<T> second_moment,
           TensorView<const T> gradient, const AdamWStep& step) {
  const std::int64_t size = weight.size();
  LM_CHECK(first_moment.size() == size && second_moment.size() == size && gradient.size() == size && step.step >= 1);
  LM_CHECK(weight.contiguous() && first_moment.contiguous() && second_moment.contiguous() && gradient.contiguous());
  const double steps = static_cast<double>(step.step);
  const AdamWConstants<T> constants = {
      .gradient_scale = static_cast<T>(step.gradient_scale),
      .beta1 = static_cast<T>(step.beta1),
      .one_minus_beta1 = static_cast<T>(1 - step.beta1),
      .beta2 = static_cast<T>(step.beta2),
      .one_minus_beta2 = static_cast<T>(1 - step.beta2),
      .step_size = static_cast<T>(step.learning_rate / (1 - std::pow(step.beta1, steps))),
      .inverse_root = static_cast<T>(1 / std::sqrt(1 - std::pow(step.beta2, steps))),
      .eps = static_cast<T>(step.eps),
      .decay = static_cast<T>(step.learning_rate * step.weight_decay),
  };
  const OptimizerKernels<T>& kernels = simd_kernels<T>(compute.simd()).optimizer;
  const Tiling tiling = flat_tiling(size);
  compute.pool().run(tiling.tiles(), [&](std::int64_t tile, int) {
    const std::int64_t first = tiling.first(tile);
    kernels.adamw(weight.data() + first, first_moment.data() + first, second_moment.data() + first, gradient.data() + first,
                  tiling.count(tile), constants);
  });
}

template <class T>
void moving_average(Compute& compute, TensorView<T> average, TensorView<const T> weight, double decay) {
  LM_CHECK(average.contiguous() && weight.contiguous() && average.size() == weight.size());
  const OptimizerKernels<T>& kernels = simd_kernels<T>(compute.simd()).optimizer;
  const Tiling tiling = flat_tiling(average.size());
  compute.pool().run(tiling.tiles(), [&](std::int64_t tile, int) {
    const std::int64_t first = tiling.first(tile);
    kernels.moving_average(average.data() + first, weight.data() + first, static_cast<T>(decay), tiling.count(tile));
  });
}

template void adamw(Compute&, TensorView<float>, TensorView<float>, TensorView<float>, TensorView<const float>,
                    const AdamWStep&);
template void adamw(Compute&, TensorView<double>, TensorView<double>, TensorView<double>, TensorView<const double>,
                    const AdamWStep&);
template void moving_average(Compute&, TensorView<float>, TensorView<const float>, double);
template void moving_average(Compute&, TensorView<double>, TensorView<const double>, double);

}  // namespace lm
