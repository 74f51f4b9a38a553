#include "kernels/packed.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <string>

#include "base/error.h"
#include "kernels/cpu/products/block_kernels.h"
#include "kernels/cpu/products/block_panels.h"
#include "kernels/cpu/products/tiled_product.h"

namespace lm {

namespace {

/// Rows up to which weights are read where they lie, each once. More rows are matrix products, with the same bits.
constexpr std::int64_t kFewRows = 12;
/// Weights of a 16-bit type that are unpacked together for many rows: they stay in the last-level cache.
constexpr std::int64_t kUnpackedElements = std::int64_t{1} << 20;

const PanelKernels& kernels_of(SimdTier tier, WeightType type) {
  return simd_kernels<float>(tier).packed.of[static_cast<int>(type)];
}

/// Returns how the sums of matrix products are cut.
Tiling depth_parts(std::int64_t inputs) {
  return equal_tiling(inputs, divide_up(inputs, longest_part<FloatFactors>(kDepthBytes)), 1);
}

/// y = x * weight^T + bias, y's columns those of the panels.
void multiply_few(const PanelKernels& kernels, TensorView<float> y, TensorView<const float> x, const std::byte* panels,
                  std::int64_t stride, const float* bias) {
  const Tiling parts = depth_parts(x.columns());
  Addends<float> addends{.each_row = bias};
  for (std::int64_t part = 0; part < parts.tiles(); ++part, addends = {y.data(), y.stride(0)}) {
    const std::int64_t k = parts.first(part);
    kernels.multiply(strided(y), strided(x, 0, k), {reinterpret_cast<const char*>(panels), stride}, k,
                     {y.rows(), y.columns(), parts.count(part)}, addends);
  }
}

TensorView<const float> part_of_bias(TensorView<const float> bias, std::int64_t first, std::int64_t count) {
  return bias.empty() ? bias : TensorView<const float>(bias.data() + first, count);
}

/// The same for many rows, of panels one after the other.
void multiply_many(Compute& compute, const PackedMatrix& weight, TensorView<float> y, TensorView<const float> x,
                   const std::byte* panels, TensorView<const float> bias) {
  const FloatFactors factors(compute.simd());
  if (weight.type == WeightType::f32) {
    tiled_product(compute, factors, y, x, reinterpret_cast<const float*>(panels), bias, {});
    return;
  }
  const PanelKernels& kernels = kernels_of(compute.simd(), weight.type);
  const std::int64_t panel_size = weight.panel * weight.inputs;
  const Tiling stretches{divide_up(y.columns(), weight.panel), std::max<std::int64_t>(1, kUnpackedElements / panel_size)};
  float* unpacked = compute.shared_scratch<float>(std::min(stretches.size, stretches.step) * panel_size);
  for (std::int64_t stretch = 0; stretch < stretches.tiles(); ++stretch) {
    const std::int64_t first = stretches.first(stretch), count = stretches.count(stretch);
    compute.pool().run(count, [&](std::int64_t i, int) {
      kernels.unpack(unpacked + i * panel_size, reinterpret_cast<const char*>(panels) + (first + i) * weight.panel_bytes,
                     weight.inputs);
    });
    const std::int64_t o = first * weight.panel, outputs = std::min(count * weight.panel, y.columns() - o);
    tiled_product(compute, factors, y.columns(o, outputs), x, unpacked, part_of_bias(bias, o, outputs), {});
  }
}

void check_product(const TensorView<float>& y, const TensorView<const float>& x, const PackedMatrix& weight,
                   const TensorView<const float>& bias) {
  LM_CHECK(x.columns() == weight.inputs && y.rows() == x.rows() && y.columns() == weight.outputs);
  LM_CHECK(bias.empty() || bias.size() == weight.outputs);
}

char* panel_at(const PackedMatrix& matrix, std::int64_t panel) {
  return reinterpret_cast<char*>(panel < matrix.whole_panels() ? matrix.whole + panel * matrix.panel_bytes : matrix.rest);
}

/// The product of some panels of floats.
void multiply_float_panels(SimdTier tier, TensorView<float> y, TensorView<const float> x, const PackedMatrix& weight,
                           TensorView<const float> bias, PanelRange range) {
  const PanelKernels& kernels = kernels_of(tier, weight.type);
  const std::int64_t whole = weight.whole_panels();
  const auto multiply = [&](std::int64_t first, std::int64_t end) {
    if (first >= end) return;
    const std::int64_t o = first * weight.panel, count = std::min(end * weight.panel, weight.outputs) - o;
    multiply_few(kernels, y.columns(o, count), x, reinterpret_cast<const std::byte*>(panel_at(weight, first)),
                 weight.panel_bytes, bias.empty() ? nullptr : bias.data() + o);
  };
  const std::int64_t end = range.first + range.count;
  multiply(range.first, std::min(end, whole));
  multiply(std::max(range.first, whole), end);
}

/// Places quantized rows in memory of block_scratch().
QuantizedRows place_rows(char* memory, std::int64_t rows, std::int64_t inputs) {
  const std::int64_t groups = inputs / kGroup, count = rows * groups;
  auto* const scales = reinterpret_cast<float*>(memory + count * kGroup);
  auto* const sums = reinterpret_cast<std::int32_t*>(scales + count);
  auto* const scaled_sums = reinterpret_cast<float*>(sums + 2 * count);
  return {reinterpret_cast<std::int8_t*>(memory), scales, sums, scaled_sums, groups};
}

/// y = x * weight^T + bias for the outputs of some panels of quantized weights.
void multiply_blocks(const BlockKernels& kernels, TensorView<float> y, const QuantizedRows& x, const PackedMatrix& weight,
                     TensorView<const float> bias, PanelRange range) {
  const auto multiply = kernels.multiply[static_cast<int>(block_kind(weight.blocks))];
  for (std::int64_t panel = range.first; panel < range.first + range.count; ++panel) {
    const std::int64_t o = panel * weight.panel;
    multiply(y.data() + o, y.stride(0), x, y.rows(), panel_at(weight, panel), std::min(weight.panel, weight.outputs - o),
             bias.empty() ? nullptr : bias.data() + o);
  }
}

/// The tiles of panels in which a product is handed out.
Tiling panel_tiles(const PackedMatrix& weight) {
  constexpr std::int64_t kTileBytes = std::int64_t{1} << 16;
  return {weight.panels(), std::max<std::int64_t>(1, kTileBytes / std::max<std::int64_t>(1, weight.panel_bytes))};
}

void linear_blocks(Compute& compute, TensorView<float> y, TensorView<const float> x, const PackedMatrix& weight,
                   TensorView<const float> bias) {
  const BlockKernels& kernels = block_kernels(compute.simd());
  const std::int64_t rows = x.rows();
  const QuantizedRows quantized =
      place_rows(compute.shared_scratch<char>(block_scratch(rows, weight.inputs)), rows, weight.inputs);
  compute.pool().run(rows, [&](std::int64_t r, int) { kernels.quantize(quantized.from(r), x.row(r)); });
  const Tiling panels = panel_tiles(weight);
  compute.pool().run(panels.tiles(), [&](std::int64_t tile, int) {
    multiply_blocks(kernels, y, quantized, weight, bias, {panels.first(tile), panels.count(tile)});
  });
}

}  // namespace

bool can_pack_blocks(GgmlType type) { return has_block_kind(type); }

PackedMatrix packed_blocks_shape(GgmlType type, std::int64_t outputs, std::int64_t inputs) {
  return {.blocks = type,
          .outputs = outputs,
          .inputs = inputs,
          .panel = kPanelOutputs,
          .panel_bytes = block_panel_bytes(type, inputs)};
}

bool pack_blocks(Compute& compute, const PackedMatrix& matrix, const ReadBlockRows& read) {
  const std::int64_t row_bytes = facts_of(matrix.blocks).bytes_of(matrix.inputs);
  const Tiling rows{matrix.outputs, matrix.panel};
  std::atomic<bool> finite = true;
  compute.pool().run(rows.tiles(), [&](std::int64_t panel, int worker) {
    char* const blocks = compute.scratch<char>(worker, matrix.panel * row_bytes);
    read(rows.first(panel), rows.count(panel), blocks);
    if (!pack_block_panel(matrix.blocks, panel_at(matrix, panel), blocks, rows.count(panel), matrix.inputs)) finite = false;
  });
  return finite;
}

std::int64_t block_scratch(std::int64_t rows, std::int64_t inputs) {
  const std::int64_t groups = rows * (inputs / kGroup);
  return groups * (kGroup + 5 * static_cast<std::int64_t>(sizeof(float)));
}

PackedMatrix packed_shape(SimdTier tier, WeightType type, std::int64_t outputs, std::int64_t inputs) {
  return {.type = type,
          .outputs = outputs,
          .inputs = inputs,
          .panel = kernels_of(tier, type).columns,
          .panel_bytes = kernels_of(tier, type).bytes(inputs)};
}

std::int64_t whole_bytes(const PackedMatrix& matrix) { return matrix.whole_panels() * matrix.panel_bytes; }

std::int64_t rest_bytes(const PackedMatrix& matrix) {
  return matrix.panels() > matrix.whole_panels() ? matrix.panel_bytes : 0;
}

void check_range(WeightType type, TensorView<const float> weight) {
  constexpr float kHalfLimit = 65520.0f;  // halves are finite up to 65504; numbers that round to it are still below this
  if (type != WeightType::f16) return;
  for (std::int64_t i = 0; i < weight.size(); ++i) {
    if (std::abs(weight.data()[i]) < kHalfLimit) continue;
    throw Error("cannot hold the weights as 'f16': one of them is " + std::to_string(weight.data()[i]) +
                ", and the largest number of that type is 65504; use 'bf16'");
  }
}

void pack(Compute& compute, const PackedMatrix& matrix, TensorView<const float> weight) {
  LM_CHECK(weight.rows() == matrix.outputs);
  pack_part(compute, matrix, 0, weight);
}

void pack_part(Compute& compute, const PackedMatrix& matrix, std::int64_t first, TensorView<const float> part) {
  const bool ends = first + part.rows() == matrix.outputs || part.rows() % matrix.panel == 0;
  LM_CHECK(part.columns() == matrix.inputs && first % matrix.panel == 0 && ends && !matrix.quantized());
  const PanelKernels& kernels = kernels_of(compute.simd(), matrix.type);
  const Tiling rows{part.rows(), matrix.panel};
  compute.pool().run(rows.tiles(), [&](std::int64_t panel, int) {
    kernels.pack(panel_at(matrix, first / matrix.panel + panel), strided(part, rows.first(panel)), rows.count(panel),
                 matrix.inputs);
  });
}

void pack_in_place(Compute& compute, PackedMatrix& matrix, TensorView<float> weight) {
  LM_CHECK(weight.rows() == matrix.outputs && weight.columns() == matrix.inputs && weight.contiguous());
  const PanelKernels& kernels = kernels_of(compute.simd(), matrix.type);
  const Tiling rows{matrix.outputs, matrix.panel};
  const auto bytes = static_cast<std::size_t>(matrix.panel_bytes);
  LM_CHECK(matrix.panel_bytes <= matrix.panel * weight.stride(0) * static_cast<std::int64_t>(sizeof(float)));
  matrix.whole = reinterpret_cast<std::byte*>(weight.data());
  // A panel's rows are as long as the panel, or longer: each is packed beside, and then takes their place.
  compute.pool().run(rows.tiles(), [&](std::int64_t panel, int worker) {
    char* packed =
        panel < matrix.whole_panels() ? compute.scratch<char>(worker, matrix.panel_bytes) : panel_at(matrix, panel);
    kernels.pack(packed, strided(TensorView<const float>(weight), rows.first(panel)), rows.count(panel), matrix.inputs);
    if (panel < matrix.whole_panels()) std::memcpy(weight.row(rows.first(panel)), packed, bytes);
  });
  for (std::int64_t panel = 1; panel < matrix.whole_panels(); ++panel)
    std::memmove(panel_at(matrix, panel), weight.row(rows.first(panel)), bytes);
}

void unpack_outputs(Compute& compute, TensorView<float> y, const PackedMatrix& matrix, std::span<const TokenId> outputs) {
  LM_CHECK(y.columns() == matrix.inputs && y.rows() == std::ssize(outputs));
  compute.pool().run(y.rows(), [&](std::int64_t r, int) {
    const auto output = static_cast<std::int64_t>(outputs[static_cast<std::size_t>(r)]);
    if (matrix.quantized()) {
      return unpack_block_output(matrix.blocks, y.row(r), panel_at(matrix, output / matrix.panel), output % matrix.panel,
                                 matrix.inputs);
    }
    const PanelKernels& kernels = kernels_of(compute.simd(), matrix.type);
    kernels.unpack_column(y.row(r), panel_at(matrix, output / matrix.panel), output % matrix.panel, matrix.inputs);
  });
}

PanelRange panel_part(const PackedMatrix& matrix, std::int64_t part, std::int64_t parts) {
  const std::int64_t first = matrix.panels() * part / parts;
  return {first, matrix.panels() * (part + 1) / parts - first};
}

void linear_panels(Compute& compute, TensorView<float> y, TensorView<const float> x, const PackedMatrix& weight,
                   TensorView<const float> bias, PanelRange range) {
  check_product(y, x, weight, bias);
  if (weight.quantized()) {
    const BlockKernels& kernels = block_kernels(compute.simd());
    const QuantizedRows rows =
        place_rows(compute.scratch<char>(0, block_scratch(x.rows(), x.columns())), x.rows(), x.columns());
    for (std::int64_t r = 0; r < x.rows(); ++r) kernels.quantize(rows.from(r), x.row(r));
    return multiply_blocks(kernels, y, rows, weight, bias, range);
  }
  multiply_float_panels(compute.simd(), y, x, weight, bias, range);
}

void linear_packed(Compute& compute, TensorView<float> y, TensorView<const float> x, const PackedMatrix& weight,
                   TensorView<const float> bias) {
  check_product(y, x, weight, bias);
  if (weight.quantized()) return linear_blocks(compute, y, x, weight, bias);
  if (x.rows() <= kFewRows) {
    const Tiling panels = panel_tiles(weight);
    compute.pool().run(panels.tiles(), [&](std::int64_t tile, int) {
      multiply_float_panels(compute.simd(), y, x, weight, bias, {panels.first(tile), panels.count(tile)});
    });
    return;
  }
  const std::int64_t whole = weight.whole_panels() * weight.panel, rest = weight.outputs - whole;
  if (whole > 0) multiply_many(compute, weight, y.columns(0, whole), x, weight.whole, part_of_bias(bias, 0, whole));
  if (rest > 0) multiply_many(compute, weight, y.columns(whole, rest), x, weight.rest, part_of_bias(bias, whole, rest));
}

void linear_packed(Compute& compute, TensorView<float> y, TensorView<const float> x, std::span<const PackedMatrix> stacked,
                   TensorView<const float> bias) {
  for_each_stacked(stacked, y, bias,
                   [&](TensorView<float> part, const PackedMatrix& matrix, TensorView<const float> part_bias) {
                     linear_packed(compute, part, x, matrix, part_bias);
                   });
}

ScratchSize linear_packed_scratch(SimdTier tier, WeightType type, std::int64_t rows, std::int64_t inputs,
                                  std::int64_t outputs) {
  const FloatFactors factors(tier);
  ScratchSize size = tiled_product_scratch(factors, {rows, outputs, inputs});
  if (type != WeightType::f32 && rows > kFewRows) {
    const std::int64_t columns = kernels_of(tier, type).columns, panel_size = columns * inputs;
    const std::int64_t panels =
        std::min(divide_up(outputs, columns), std::max<std::int64_t>(1, kUnpackedElements / panel_size));
    size.shared = std::max(size.shared, panels * panel_size * static_cast<std::int64_t>(sizeof(float)));
  }
  return size;
}

}  // namespace lm
