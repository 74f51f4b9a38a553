// Weights packed once, when a model is opened, for products with any number of rows: a prompt's many, or the one of a token that
// is generated. In plain loops: reference() in tests/kernels/packed_test.cpp.
//
// A panel holds the weights of a few neighbouring outputs (as many as products of the SIMD tier compute side by side), input by
// input: a product reads memory from one end to the other. With many rows the panels are those of matrix products
// (cpu/products/product.h), so that nothing is packed again.
//
// Every output is one chain of multiply-adds over the inputs, cut at places that depend on their number only. So its bits depend
// on its row of x and on its weights, not on how many rows or outputs are computed with it, nor by which function.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "base/choice.h"
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

/// A weight (outputs, inputs) in panels; owns nothing.
struct PackedMatrix {
  WeightType type = WeightType::f32;
  std::int64_t outputs = 0, inputs = 0;
  std::int64_t panel = 0;      // outputs of one panel
  std::byte* whole = nullptr;  // the panels whose outputs all exist, one after the other
  std::byte* rest = nullptr;   // the last one if it has fewer, filled up with zeros; null if there is none
  std::int64_t panel_bytes = 0;

  bool empty() const { return outputs == 0; }
  std::int64_t panels() const { return (outputs + panel - 1) / panel; }
  std::int64_t whole_panels() const { return outputs / panel; }
};

/// Returns a matrix without memory, from which the sizes of its two parts follow.
PackedMatrix packed_shape(SimdTier tier, WeightType type, std::int64_t outputs, std::int64_t inputs);
/// Return the bytes of `whole`, and of `rest`.
std::int64_t whole_bytes(const PackedMatrix& matrix);
std::int64_t rest_bytes(const PackedMatrix& matrix);

/// Packs a weight (outputs, inputs) into a matrix of its shape, whose memory is another.
void pack(Compute& compute, const PackedMatrix& matrix, TensorView<const float> weight);
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
/// The same product of these panels only, on the calling thread: what each member of a team does of it. For few rows.
void linear_panels(SimdTier tier, TensorView<float> y, TensorView<const float> x, const PackedMatrix& weight,
                   TensorView<const float> bias, PanelRange range);

/// Returns the scratch of linear_packed over `rows` rows.
ScratchSize linear_packed_scratch(SimdTier tier, WeightType type, std::int64_t rows, std::int64_t inputs,
                                  std::int64_t outputs);

}  // namespace lm
