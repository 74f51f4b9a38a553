// Transformer: forward and backward over a batch, mirrored, as calls of kernels on named views.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <utility>
#include <vector>

#include "kernels/compute.h"
#include "kernels/elementwise.h"
#include "model/activations.h"
#include "model/batch.h"
#include "model/linear_layers.h"
#include "model/parameters.h"
#include "model/row_sink.h"

namespace lm {

/// From which random numbers a training pass draws its dropout masks; rate 0 outside training.
struct DropoutPlan {
  double rate = 0;
  std::uint64_t key = 0;   // rng_key(seed, RngPurpose::dropout)
  std::uint64_t pass = 0;  // number of this forward pass in the run
};

/// A layer's matrices, by the products that read one input.
enum class LayerMatrix { qkv, projection, up, down };

/// Is given what a layer's matrix is multiplied by in forward(): a row for each of the batch.
template <class T>
using InputWatch = std::function<void(std::int64_t layer, LayerMatrix matrix, TensorView<const T> inputs)>;

/// Is told in backward() that the gradients of this layer, and of what comes after it in the arena, are complete; first with
/// the number of layers.
using GradientWatch = std::function<void(std::int64_t layer)>;

/// Owns neither weights nor activations; one object serves any number of passes.
template <class T>
class Transformer {
 public:
  /// precision: of the products of linear layers, attention and head. Unless it is fp32, weights_changed() must be called
  /// before the first pass.
  /// watch: may be empty.
  Transformer(Compute& compute, const Parameters<T>& parameters, Precision precision = Precision::fp32,
              InputWatch<T> watch = {})
      : compute_(compute), weights_(parameters), linears_(parameters, precision), watch_(std::move(watch)) {}

  /// Rounds the weights again: to be called after each change of them.
  void weights_changed() { linears_.refresh(compute_); }

  /// Computes the residual streams up to the final norm: the last hidden states are then in activations.final_norm. Throws Error if a token id is not below the vocabulary.
  void forward(const Batch& batch, Activations<T>& activations, const DropoutPlan& dropout = {});
  /// After forward: returns the loss, and gradients += d(scale * sum of weighted nats). Not with Keep::scoring.
  /// Keep::recomputing gives the same bits as Keep::training. complete: may be empty.
  Loss backward(const Batch& batch, Activations<T>& activations, Parameters<T>& gradients, double scale,
                const DropoutPlan& dropout = {}, const GradientWatch& complete = {});
  /// After forward: hands the logits of all rows that count to the sink, a chunk at a time.
  void head(const Batch& batch, Activations<T>& activations, RowSink<T>& sink);
  /// After forward: returns the logits (rows.size(), V) of those rows of the batch, which ascend and are at most
  /// activations.logits.rows(). They are in activations.logits, where the next call overwrites them.
  TensorView<T> logits(std::span<const std::int64_t> rows, Activations<T>& activations);
  /// Calls forward and head.
  void score(const Batch& batch, Activations<T>& activations, RowSink<T>& sink);
  /// Calls forward and returns the loss of the batch's targets.
  Loss loss(const Batch& batch, Activations<T>& activations);

  /// Returns the scratch that forward and backward of such a batch ask for, at the most.
  static ScratchSize scratch(const ModelConfig& config, SimdTier tier, Precision precision, std::int64_t sequences,
                             std::int64_t length);
  /// Returns the bytes that the object itself takes for backward over so many rows.
  static std::int64_t bytes(std::int64_t rows) {
    return rows * static_cast<std::int64_t>(sizeof(std::int64_t) + sizeof(double));
  }

  /// Returns the (B * T) weighted nats of the last backward's rows.
  std::span<const double> row_nats() const { return row_nats_; }

 private:
  /// The end of a residual branch: its product back into the stream, and the norm after it, if there is one.
  struct BranchEnd {
    TensorView<T> hidden;  // (R, H D) or (R, F)
    LinearWeight<T> weight;
    TensorView<T> bias;
    const NormParameters<T>* norm;
    PostNormActivations<T>* kept;
  };
  BranchEnd attention_end(std::int64_t layer, std::int64_t rows, Activations<T>& activations);
  BranchEnd ffn_end(std::int64_t layer, std::int64_t rows, Activations<T>& activations);
  void residual_forward(const TensorView<T>& out, const TensorView<T>& x, const BranchEnd& branch, const Dropout& dropout);
  TensorView<T> residual_backward(const TensorView<T>& d_residual, const TensorView<T>& spare, const BranchEnd& branch,
                                  const NormParameters<T>& d_norm, const Dropout& dropout);

  void embed(const Batch& batch, Activations<T>& activations, const DropoutPlan& dropout);
  void attention_block_forward(std::int64_t layer, const Batch& batch, Activations<T>& activations,
                               const DropoutPlan& dropout);
  void ffn_hidden_forward(std::int64_t layer, std::int64_t rows, Activations<T>& activations);
  void ffn_block_forward(std::int64_t layer, std::int64_t rows, Activations<T>& activations, const DropoutPlan& dropout);
  Loss head_backward(const Batch& batch, Activations<T>& activations, Parameters<T>& gradients, double scale);
  void head_chunk_backward(std::span<const std::int64_t> rows, TensorView<T> d_logits, Activations<T>& activations,
                           Parameters<T>& gradients);
  void ffn_block_backward(std::int64_t layer, std::int64_t rows, Activations<T>& activations, Parameters<T>& gradients,
                          const DropoutPlan& dropout);
  void attention_block_backward(std::int64_t layer, const Batch& batch, Activations<T>& activations,
                                Parameters<T>& gradients, const DropoutPlan& dropout);
  void embed_backward(const Batch& batch, Activations<T>& activations, Parameters<T>& gradients, const DropoutPlan& dropout);

  /// Return what a block's first product reads, (R, C), and what the feed-forward part's norm does.
  TensorView<T> attention_input(std::int64_t layer, std::int64_t rows, const Activations<T>& activations) const;
  TensorView<T> ffn_input(std::int64_t layer, std::int64_t rows, const Activations<T>& activations) const;
  TensorView<T> ffn_source(std::int64_t layer, std::int64_t rows, const Activations<T>& activations) const;
  void show(std::int64_t layer, LayerMatrix matrix, TensorView<T> inputs) const {
    if (watch_) watch_(layer, matrix, inputs);
  }
  Dropout dropout_at(const DropoutPlan& plan, std::int64_t place) const;

  Compute& compute_;
  const Parameters<T>& weights_;
  LinearLayers<T> linears_;
  InputWatch<T> watch_;
  // Reused by every chunk of the head, so that steps do not allocate.
  std::vector<std::int64_t> counted_rows_;
  std::vector<TokenId> chunk_targets_;
  std::vector<float> chunk_weights_;
  std::vector<double> chunk_nats_;
  std::vector<double> row_nats_;
};

}  // namespace lm
