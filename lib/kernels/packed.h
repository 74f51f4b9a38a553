// Weights packed once, when a model is opened, for products with any number of rows: a prompt's many, or the one of a token that
// is generated. In plain loops: reference() in tests/kernels/packed_test.cpp.
//
// A panel holds the weights of a few neighbouring outputs (as many as products of the SIMD tier compute side by side), input by
// input: a product reads memory from one end to the other. With many rows the panels are those of matrix products
// (cpu/products/product.h), so that nothing is packed again.
//
// Every output is one chain of multiply-adds over the inputs, cut at places that depend on their number only. So its bits depend
// on its row of x and on its weights, not on how many rows or outputs are computed with it, nor by which function.
//
// Quantized weights stay quantized: a panel has the codes and scales of blocks (blocks.h), in another order. Of x each 32 numbers
// of a row are quantized, too, as QuantizedRows (cpu/products/blocks/layout.h) says; products of whole numbers are exact, and what
// is computed with their sums is the same in every tier, bit for bit (cpu/products/blocks/product.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include "base/choice.h"
#include "base/ggml_type.h"
#include "base/token.h"
#include "kernels/compute.h"
#include "tensor/view.h"

namespace lm {

/// What packed weights are rounded to, to nearest even. Products, whatever the type, are in fp32.
enum class WeightType { f32, bf16, f16 };
template <>
inline constexpr auto kChoices<WeightType> = choice_table<WeightType>("type of weights", {{"f32", WeightType::f32},
                                                                                          {"bf16", WeightType::bf16},
                                                                                          {"f16", WeightType::f16}});

/// How products with quantized weights are computed: of the floats that they stand for, or of whole numbers.
enum class WeightProducts { exact, int8 };
template <>
inline constexpr auto kChoices<WeightProducts> = choice_table<WeightProducts>("products", {{"exact", WeightProducts::exact},
                                                                                           {"int8", WeightProducts::int8}});

/// A weight (outputs, inputs) in panels; owns nothing.
struct PackedMatrix {
  WeightType type = WeightType::f32;
  GgmlType blocks = GgmlType::f32;  // of quantized weights, whose `type` means nothing; of others f32
  std::int64_t outputs = 0, inputs = 0;
  std::int64_t panel = 0;      // outputs of one panel
  std::byte* whole = nullptr;  // the panels whose outputs all exist, one after the other
  std::byte* rest = nullptr;   // the last one if it has fewer, filled up with zeros; null if there is none
  std::int64_t panel_bytes = 0;

  bool empty() const { return outputs == 0; }
  bool quantized() const { return blocks != GgmlType::f32; }
  std::int64_t panels() const { return (outputs + panel - 1) / panel; }
  std::int64_t whole_panels() const { return outputs / panel; }
};

/// Returns a matrix without memory, from which the sizes of its two parts follow.
PackedMatrix packed_shape(SimdTier tier, WeightType type, std::int64_t outputs, std::int64_t inputs);
/// Returns whether weights in such blocks can be packed as they are: Q8_0 Q4_0 Q4_1 Q5_0 Q5_1 Q2_K Q3_K Q4_K Q5_K Q6_K IQ4_NL
/// IQ4_XS MXFP4.
bool can_pack_blocks(GgmlType type);
/// Returns the same for quantized weights. Panels take as much memory as the blocks, but Q2_K 1.19 times that, Q3_K 1.04, and
/// Q4_K, Q5_K and IQ4_XS up to 1.03; inputs are a multiple of the type's block.
PackedMatrix packed_blocks_shape(GgmlType type, std::int64_t outputs, std::int64_t inputs);
/// Return the bytes of `whole`, and of `rest`.
std::int64_t whole_bytes(const PackedMatrix& matrix);
std::int64_t rest_bytes(const PackedMatrix& matrix);

/// Throws Error if a weight is beyond the numbers of the type.
void check_range(WeightType type, TensorView<const float> weight);
/// Packs a weight (outputs, inputs) into a matrix of its shape, whose memory is another.
void pack(Compute& compute, const PackedMatrix& matrix, TensorView<const float> weight);
/// Packs some of the outputs, from `first` on, at which a panel begins, to the end of a panel or of the matrix.
/// rows: (count, inputs)
void pack_part(Compute& compute, const PackedMatrix& matrix, std::int64_t first, TensorView<const float> rows);
/// Writes the blocks of rows first .. first + count of a weight, one after the other. May be called on any thread; may throw.
using ReadBlockRows = std::function<void(std::int64_t first, std::int64_t count, void* rows)>;
/// Packs quantized weights. Returns whether all are finite.
bool pack_blocks(Compute& compute, const PackedMatrix& matrix, const ReadBlockRows& read);
/// Packs a contiguous weight into its own memory and sets matrix.whole to that; matrix.rest is other memory. What is left over
/// behind `whole` is unspecified.
void pack_in_place(Compute& compute, PackedMatrix& matrix, TensorView<float> weight);
/// y[r,:] = the weights of output outputs[r], which are below matrix.outputs: rows of a table of embeddings.
/// y: (rows, inputs)
void unpack_outputs(Compute& compute, TensorView<float> y, const PackedMatrix& matrix, std::span<const TokenId> outputs);

/// y = x * weight^T + bias
/// y: (rows, outputs)  x: (rows, inputs)  bias: (outputs) or empty. Rows may be strided; y may not overlap x.
void linear_packed(Compute& compute, TensorView<float> y, TensorView<const float> x, const PackedMatrix& weight,
                   TensorView<const float> bias);

/// Some panels of a matrix, beginning with `first`.
struct PanelRange {
  std::int64_t first, count;
};
/// Returns part `part` of a matrix's panels, cut as evenly as possible into `parts`.
PanelRange panel_part(const PackedMatrix& matrix, std::int64_t part, std::int64_t parts);
/// The same product of these panels only, on the calling thread: what each member of a team does of it. For few rows. Quantized
/// weights take scratch of the compute's first worker: block_scratch().
void linear_panels(Compute& compute, TensorView<float> y, TensorView<const float> x, const PackedMatrix& weight,
                   TensorView<const float> bias, PanelRange range);

/// Calls multiply(part of y, matrix, part of bias) for matrices that are stacked. y: (rows, outputs of all)
template <class Multiply>
void for_each_stacked(std::span<const PackedMatrix> matrices, TensorView<float> y, TensorView<const float> bias,
                      Multiply&& multiply) {
  std::int64_t first = 0;
  for (const PackedMatrix& matrix : matrices) {
    multiply(y.columns(first, matrix.outputs), matrix,
             bias.empty() ? bias : TensorView<const float>(bias.data() + first, matrix.outputs));
    first += matrix.outputs;
  }
}
/// The product of matrices that are stacked.
void linear_packed(Compute& compute, TensorView<float> y, TensorView<const float> x, std::span<const PackedMatrix> stacked,
                   TensorView<const float> bias);

/// Returns the bytes that rows take when they are quantized for a product with quantized weights.
std::int64_t block_scratch(std::int64_t rows, std::int64_t inputs);
/// Returns the scratch of linear_packed over `rows` rows, of weights that are not quantized.
ScratchSize linear_packed_scratch(SimdTier tier, WeightType type, std::int64_t rows, std::int64_t inputs,
                                  std::int64_t outputs);

}  // namespace lm
