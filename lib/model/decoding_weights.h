// DecodingWeights: a model's weights as decoding reads them.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/token.h"
#include "kernels/packed.h"
#include "model/parameters.h"
#include "tensor/arena.h"

namespace lm {

/// The matrices of a layer; shapes as in LayerParameters.
struct PackedLayer {
  PackedMatrix qkv, projection;
  PackedMatrix gate;  // (F, C), or empty if the feed-forward part has no gate
  PackedMatrix up;    // (F, C)
  PackedMatrix down;
};

/// The matrices packed, and rounded to a type; norms, biases and embeddings are those of Parameters, except the table of tokens
/// if it is the head's matrix too.
class DecodingWeights {
 public:
  /// Packs copies; the parameters outlive it. Throws Error if a weight is beyond the type's numbers.
  DecodingWeights(Compute& compute, const Parameters<float>& parameters, WeightType type = WeightType::f32);
  /// Takes the parameters over and packs each matrix in its own memory: little is needed beside that of the parameters, of which
  /// a narrower type gives the rest back.
  DecodingWeights(Compute& compute, Parameters<float>&& parameters, WeightType type = WeightType::f32);
  DecodingWeights(const DecodingWeights&) = delete;
  DecodingWeights& operator=(const DecodingWeights&) = delete;

  const ModelConfig& config() const { return parameters_->config(); }
  /// Returns those of which everything but the matrices is valid.
  const Parameters<float>& parameters() const { return *parameters_; }
  const PackedLayer& layer(std::int64_t number) const { return layers_[static_cast<std::size_t>(number)]; }
  const PackedMatrix& head() const { return head_; }
  const PackedMatrix& head_dense() const { return head_dense_; }

  /// y[r,:] = the embedding of ids[r] at position first_position + r, with the configuration's scale, before a norm.
  /// y: (rows, C), contiguous
  void embed(Compute& compute, TensorView<float> y, std::span<const TokenId> ids, std::int64_t first_position) const;

 private:
  struct Source;
  void pack_all(Compute& compute, WeightType type);
  template <class Visit>
  void visit(Visit&& visit);
  std::optional<Parameters<float>> owned_;
  const Parameters<float>* parameters_;
  std::vector<PackedLayer> layers_;
  PackedMatrix head_, head_dense_;
  Arena<std::byte> memory_;
};

}  // namespace lm
