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
  std::vector<PackedMatrix> qkv;  // one, or three if they are of different types: stacked, (q, k, v)
  PackedMatrix projection;
  std::vector<PackedMatrix> up;  // gate and up, each (F, C), or without a gate one
  PackedMatrix down;
};

/// The rows of a tensor in a file, each in blocks of the type.
struct StoredRows {
  GgmlType type;
  ReadBlockRows read;
};

/// Where matrices are that are not in memory: in a file, perhaps quantized.
class MatrixSource {
 public:
  virtual ~MatrixSource() = default;
  /// Returns a tensor's rows, in the order that they have in memory. The source outlives them.
  virtual StoredRows rows_of(const TensorSpec& spec) const = 0;
  /// Throws Error saying that a tensor's numbers are not finite.
  [[noreturn]] virtual void refuse_not_finite(const TensorSpec& spec) const = 0;
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
  /// Takes over parameters that hold the small tensors, and packs the matrices of a file: quantized ones as they are, others of
  /// 16 bits in these, and the rest rounded to `type`. Throws Error if a number is not finite, and the source's errors.
  DecodingWeights(Compute& compute, Parameters<float>&& small, const MatrixSource& source, WeightType type);
  DecodingWeights(const DecodingWeights&) = delete;
  DecodingWeights& operator=(const DecodingWeights&) = delete;

  const ModelConfig& config() const { return parameters_->config(); }
  /// Returns those of which everything but the matrices is valid.
  const Parameters<float>& parameters() const { return *parameters_; }
  const PackedLayer& layer(std::int64_t number) const { return layers_[static_cast<std::size_t>(number)]; }
  const PackedMatrix& head() const { return head_; }
  const PackedMatrix& head_dense() const { return head_dense_; }

  /// Returns whether some matrix is quantized.
  bool quantized() const;

  /// y[r,:] = the embedding of ids[r] at position first_position + r, with the configuration's scale, before a norm.
  /// y: (rows, C), contiguous
  void embed(Compute& compute, TensorView<float> y, std::span<const TokenId> ids, std::int64_t first_position) const;

 private:
  class FilePacker;
  void pack_all(Compute& compute, WeightType type);
  template <class Visit>
  void visit(Visit&& visit);
  std::optional<Parameters<float>> owned_;
  const Parameters<float>* parameters_;
  std::vector<PackedLayer> layers_;
  PackedMatrix tokens_;  // (V, C), of a file's that is not the head's
  PackedMatrix head_, head_dense_;
  Arena<std::byte> memory_;
};

}  // namespace lm
