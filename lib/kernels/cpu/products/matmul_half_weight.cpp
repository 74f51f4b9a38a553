// The copies of a weight that products with 16-bit factors read.
#include "kernels/cpu/products/factors.h"
#include "kernels/cpu/strided_view.h"
#include "kernels/cpu/tiling.h"
#include "kernels/matmul.h"

namespace lm {

std::int64_t half_weight_size(Precision precision, std::int64_t outputs, std::int64_t inputs) {
  if (precision == Precision::fp32) return 0;
  const HalfFactors half(precision);
  const auto size = [&](std::int64_t depth, std::int64_t columns) {
    return divide_up(columns, half.panel()) * half.panel_size(depth);
  };
  return std::max(size(inputs, outputs), size(outputs, inputs));
}

void round_weight(Compute& compute, const LinearWeight<float>& weight) {
  if (weight.half.precision == Precision::fp32) return;
  const HalfKernels& kernels = half_kernels(weight.half.precision);
  const TensorView<const float>& matrix = weight.matrix;
  const std::int64_t outputs = matrix.rows();
  // A few panels at a time.
  const Tiling tiling{round_up(outputs, kernels.panel), 2 * kernels.panel};
  compute.pool().run(tiling.tiles(), [&](std::int64_t tile, int) {
    const std::int64_t first = tiling.first(tile);
    kernels.pack_weight(weight.half.across, weight.half.along, strided(matrix), outputs, matrix.columns(), first,
                        first + tiling.count(tile));
  });
}

}  // namespace lm
