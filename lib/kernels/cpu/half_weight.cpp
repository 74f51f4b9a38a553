// The copies of a weight that products with 16-bit factors read.
#include "kernels/cpu/factors.h"
#include "kernels/matmul.h"

namespace lm {

std::int64_t half_weight_size(Precision precision, std::int64_t outputs, std::int64_t inputs) {
  if (precision == Precision::fp32) return 0;
  const HalfFactors half(precision);
  const auto size = [&](std::int64_t depth, std::int64_t columns) {
    return (columns + half.panel() - 1) / half.panel() * half.panel_size(depth);
  };
  return std::max(size(inputs, outputs), size(outputs, inputs));
}

void round_weight(Compute& compute, const LinearWeight<float>& weight) {
  if (weight.half.precision == Precision::fp32) return;
  const HalfFactors half(weight.half.precision);
  const TensorView<const float>& matrix = weight.matrix;
  const std::int64_t outputs = matrix.rows(), inputs = matrix.columns(), panel = half.panel();
  // A few panels at a time, of one copy and then of the other.
  const Tiling across{outputs, 2 * panel}, along{inputs, 2 * panel};
  compute.pool().run(across.tiles() + along.tiles(), [&](std::int64_t tile, int) {
    if (tile < across.tiles()) {
      const std::int64_t o = across.first(tile);
      half.pack_panels(weight.half.across + o / panel * half.panel_size(inputs), matrix.row(o), matrix.stride(0), true,
                       inputs, across.count(tile), 1);
    } else {
      const std::int64_t i = along.first(tile - across.tiles());
      half.pack_panels(weight.half.along + i / panel * half.panel_size(outputs), matrix.data() + i, matrix.stride(0), false,
                       outputs, along.count(tile - across.tiles()), 1);
    }
  });
}

}  // namespace lm
