#include "model/decoding_weights.h"

#include <algorithm>

#include "kernels/elementwise.h"
#include "kernels/embedding.h"
#include "tensor/layout.h"

namespace lm {
/// Calls visit(matrix, weight) for all matrices, in the order in which they are read.
template <class Visit>
void DecodingWeights::visit(Visit&& visit) {
  const ModelConfig& c = config();
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    const LayerParameters<float>& w = parameters_->layers[i];
    PackedLayer& layer = layers_[i];
    visit(layer.qkv.front(), w.qkv);
    visit(layer.projection, w.projection);
    for (std::size_t part = 0; part < layer.up.size(); ++part)
      visit(layer.up[part], w.up.rows(static_cast<std::int64_t>(part) * c.ffn_dim, c.ffn_dim));
    visit(layer.down, w.down);
  }
  if (c.head_dense) visit(head_dense_, parameters_->head_dense);
  visit(head_, parameters_->head);
}

void DecodingWeights::pack_all(Compute& compute, WeightType type) {
  layers_.resize(parameters_->layers.size());
  for (PackedLayer& layer : layers_) {
    layer.qkv.resize(1);
    layer.up.resize(config().gated ? 2 : 1);
  }
  visit([&](PackedMatrix& matrix, const TensorView<float>& weight) {
    check_range(type, weight);
    matrix = packed_shape(compute.simd(), type, weight.rows(), weight.columns());
  });
  memory_ = place_views<std::byte>([&](Layout& layout) {
    visit([&](PackedMatrix& matrix, const TensorView<float>&) {
      if (!owned_) matrix.whole = layout.take<std::byte>(whole_bytes(matrix));
      matrix.rest = rest_bytes(matrix) > 0 ? layout.take<std::byte>(rest_bytes(matrix)) : nullptr;
    });
  });
  visit([&](PackedMatrix& matrix, const TensorView<float>& weight) {
    if (!owned_) return pack(compute, matrix, weight);
    pack_in_place(compute, matrix, weight);
    const std::int64_t all = weight.size() * static_cast<std::int64_t>(sizeof(float)), used = whole_bytes(matrix);
    release_pages(matrix.whole + used, static_cast<std::size_t>(all - used));
  });
}

DecodingWeights::DecodingWeights(Compute& compute, const Parameters<float>& parameters, WeightType type)
    : parameters_(&parameters) {
  pack_all(compute, type);
}

DecodingWeights::DecodingWeights(Compute& compute, Parameters<float>&& parameters, WeightType type)
    : owned_(std::move(parameters)), parameters_(&*owned_) {
  pack_all(compute, type);
}

bool DecodingWeights::quantized() const {
  const auto any = [](std::span<const PackedMatrix> matrices) {
    return std::any_of(matrices.begin(), matrices.end(), [](const PackedMatrix& matrix) { return matrix.quantized(); });
  };
  return tokens_.quantized() || head_.quantized() || head_dense_.quantized() ||
         std::any_of(layers_.begin(), layers_.end(), [&](const PackedLayer& layer) {
           return any(layer.qkv) || layer.projection.quantized() || any(layer.up) || layer.down.quantized();
         });
}

void DecodingWeights::embed(Compute& compute, TensorView<float> y, std::span<const TokenId> ids,
                            std::int64_t first_position) const {
  const ModelConfig& c = config();
  if (c.tied_embeddings) {
    unpack_outputs(compute, y, head_, ids);
  } else if (!tokens_.empty()) {
    unpack_outputs(compute, y, tokens_, ids);
  } else {
    embedding_forward<float>(compute, y, ids, {parameters_->tokens, {}, {}}, y.rows());
  }
  if (!parameters_->positions.empty())
    add<float>(compute, y, parameters_->positions.rows(c.position_offset + first_position, y.rows()));
  // All tokens are of the first type.
  for (std::int64_t r = 0; !parameters_->token_types.empty() && r < y.rows(); ++r)
    add<float>(compute, y.rows(r, 1), parameters_->token_types.rows(0, 1));
  if (c.embedding_scale != 1) scale<float>(compute, y, c.embedding_scale);
}

}  // namespace lm
