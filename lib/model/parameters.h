// Parameters: every tensor of a model as a named view of one arena. Weights, gradients and both moments are the same type.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "kernels/compute.h"
#include "model/config.h"
#include "tensor/arena.h"
#include "tensor/layout.h"
#include "tensor/view.h"

namespace lm {

/// What a tensor's elements are before training.
struct InitialValue {
  enum class Kind { zeros, ones, normal } kind = Kind::zeros;
  double deviation = 0;
};

/// How a tensor's elements lie on disk.
enum class DiskOrder {
  rows,        // as in memory
  transposed,  // (columns, rows): GPT-2's Conv1D
  heads        // rows by head: the query, key and value of one head, then those of the next
};

/// A tensor, as allocation, initial values, weight decay, checkpoints and gradient checks need to know it.
struct TensorSpec {
  std::string name;       // Hugging Face's
  std::int64_t rows = 0;  // in memory: (rows, columns), linear weights as (out, in); vectors have 1 row
  std::int64_t columns = 0;
  int rank = 2;
  DiskOrder order = DiskOrder::rows;
  std::int64_t head_dim = 0;  // rows of a head, if the order is by heads
  InitialValue initial;
  bool decay = false;
  std::vector<std::int64_t> matrix_rows = {};  // of the layer's matrices stacked in it; empty: embeddings, head and vectors
  std::int64_t offset = 0;                     // elements from the arena's start

  std::int64_t size() const { return rows * columns; }
  bool in_layer_matrices() const { return !matrix_rows.empty(); }
};

/// The weights of a norm; empty if there is no such norm, the bias also if it has none.
template <class T>
struct NormParameters {
  TensorView<T> gain, bias;  // (C)
};

/// The tensors of a layer; the views of those that the model lacks are empty.
template <class T>
struct LayerParameters {
  NormParameters<T> attention_norm;       // of what attention reads
  TensorView<T> qkv;                      // ((H + 2 KV) D, C): q, k, v one after the other
  TensorView<T> qkv_bias;                 // ((H + 2 KV) D)
  TensorView<T> q_norm, k_norm;           // (D), or (H D) and (KV D)
  TensorView<T> projection;               // (C, H D)
  TensorView<T> projection_bias;          // (C)
  NormParameters<T> attention_post_norm;  // of what attention adds, or of the sum
  NormParameters<T> ffn_norm;
  TensorView<T> up;         // (2F, C) gate then up, or (F, C) without a gate
  TensorView<T> up_bias;    // (2F) or (F)
  TensorView<T> down;       // (C, F)
  TensorView<T> down_bias;  // (C)
  NormParameters<T> ffn_post_norm;
};

/// Which of a model's tensors an arena holds; views of the others are empty. `small`: all but the matrices of products and the
/// table of tokens.
enum class Tensors { all, outside_layer_matrices, small };

class DecodingWeights;

template <class T>
class Parameters {
 public:
  /// Allocates all tensors, zeroed.
  explicit Parameters(const ModelConfig& config, Tensors held = Tensors::all);
  /// Takes the tensors of parameters whose configuration differs in nothing that shapes them (in dropout).
  Parameters(Parameters&& other, const ModelConfig& config) : Parameters(std::move(other)) { config_ = config; }
  /// Returns the bytes that the first constructor would allocate.
  static std::int64_t bytes(const ModelConfig& config, Tensors held = Tensors::all);
  /// Returns parameters that have names and shapes, but no memory.
  static Parameters shapes(const ModelConfig& config, Tensors held = Tensors::all);
  Parameters(Parameters&&) = default;
  Parameters& operator=(Parameters&&) = default;

  const ModelConfig& config() const { return config_; }
  const std::vector<TensorSpec>& tensors() const { return specs_; }
  /// Returns the tensor's elements in memory order.
  TensorView<T> view(const TensorSpec& spec) const { return TensorView<T>(arena_.at(spec.offset), spec.rows, spec.columns); }
  /// Returns where a layer's tensors begin in the arena; of the layer after the last: where they end.
  std::int64_t layer_begin(std::int64_t layer) const { return layer_begins_[static_cast<std::size_t>(layer)]; }
  /// Returns the whole arena, gaps (always zero) included.
  TensorView<T> flat() const { return TensorView<T>(arena_.data(), arena_.size()); }

  TensorView<T> tokens;       // (V, C)
  TensorView<T> positions;    // (position_offset + P, C) or empty
  TensorView<T> token_types;  // (types, C) or empty
  NormParameters<T> embedding_norm;
  std::vector<LayerParameters<T>> layers;
  NormParameters<T> final_norm;
  TensorView<T> head_dense;       // (C, C) or empty, with the two below
  TensorView<T> head_dense_bias;  // (C)
  NormParameters<T> head_norm;
  TensorView<T> head;       // (V, C); the same memory as tokens if they are tied
  TensorView<T> head_bias;  // (V) or empty

  const DecodingWeights* packed = nullptr;  // has the matrices that are not here, and outlives this; only with float

 private:
  struct Builder;
  Parameters() = default;
  void lay_out(Layout& layout);
  void lay_out_layer(Builder& builder, std::size_t number);
  ModelConfig config_;
  Tensors held_ = Tensors::all;
  std::vector<TensorSpec> specs_;
  std::vector<std::int64_t> layer_begins_;
  Arena<T> arena_;
};

/// Returns the number of weights, each counted once.
std::int64_t parameter_count(const ModelConfig& config);

/// Draws the initial values, which depend on the seed but not on the number of threads.
template <class T>
void initialise(Compute& compute, Parameters<T>& parameters, std::uint64_t seed);

}  // namespace lm
