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

/// A tensor, as allocation, initial values, weight decay, checkpoints and gradient checks need to know it.
struct TensorSpec {
  std::string name;       // Hugging Face's
  std::int64_t rows = 0;  // in memory: (rows, columns), linear weights as (out, in); vectors have 1 row
  std::int64_t columns = 0;
  int rank = 2;
  bool transposed_on_disk = false;  // GPT-2's Conv1D matrices are (in, out) there
  InitialValue initial;
  bool decay = false;
  std::int64_t layer_matrices = 0;  // matrices of a layer, of equal height, stacked in it; 0: embeddings, head and vectors
  std::int64_t offset = 0;          // elements from the arena's start

  std::int64_t size() const { return rows * columns; }
};

/// The tensors of a layer; the views of those that the family lacks are empty.
template <class T>
struct LayerParameters {
  TensorView<T> attention_norm_gain, attention_norm_bias;  // (C)
  TensorView<T> qkv;                                       // ((H + 2 KV) D, C): q, k, v one after the other
  TensorView<T> qkv_bias;                                  // ((H + 2 KV) D)
  TensorView<T> q_norm, k_norm;                            // (D)
  TensorView<T> projection;                                // (C, H D)
  TensorView<T> projection_bias;                           // (C)
  TensorView<T> ffn_norm_gain, ffn_norm_bias;              // (C)
  TensorView<T> up;                                        // (2F, C) gate then up, or (F, C) with GELU
  TensorView<T> up_bias;                                   // (F)
  TensorView<T> down;                                      // (C, F)
  TensorView<T> down_bias;                                 // (C)
};

/// Which of a model's tensors an arena holds; views of the others are empty.
enum class Tensors { all, outside_layer_matrices };

template <class T>
class Parameters {
 public:
  /// Allocates all tensors, zeroed.
  explicit Parameters(const ModelConfig& config, Tensors held = Tensors::all);
  /// Returns the bytes that the constructor would allocate.
  static std::int64_t bytes(const ModelConfig& config, Tensors held = Tensors::all);
  /// Returns parameters that have names and shapes, but no memory.
  static Parameters shapes(const ModelConfig& config, Tensors held = Tensors::all);
  Parameters(Parameters&&) = default;
  Parameters& operator=(Parameters&&) = default;

  const ModelConfig& config() const { return config_; }
  const std::vector<TensorSpec>& tensors() const { return specs_; }
  /// Returns the tensor's elements in memory order.
  TensorView<T> view(const TensorSpec& spec) const { return TensorView<T>(arena_.at(spec.offset), spec.rows, spec.columns); }
  /// Returns the whole arena, gaps (always zero) included.
  TensorView<T> flat() const { return TensorView<T>(arena_.data(), arena_.size()); }

  TensorView<T> tokens;     // (V, C)
  TensorView<T> positions;  // (P, C) or empty
  std::vector<LayerParameters<T>> layers;
  TensorView<T> final_norm_gain, final_norm_bias;  // (C)
  TensorView<T> head;                              // (V, C); the same memory as tokens if they are tied

 private:
  struct Builder;
  Parameters() = default;
  void lay_out(Layout& layout);
  void lay_out_layer(Builder& builder, std::size_t number);
  ModelConfig config_;
  Tensors held_ = Tensors::all;
  std::vector<TensorSpec> specs_;
  Arena<T> arena_;
};

/// Draws the initial values, which depend on the seed but not on the number of threads.
template <class T>
void initialise(Compute& compute, Parameters<T>& parameters, std::uint64_t seed);

}  // namespace lm
