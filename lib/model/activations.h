// Activations: the memory of a forward pass, sized once before the first step.
#pragma once

#include <cstdint>
#include <vector>

#include "model/config.h"
#include "model/rotary_tables.h"
#include "tensor/arena.h"
#include "tensor/layout.h"
#include "tensor/view.h"

namespace lm {

/// What forward leaves behind for backward. (Which weights a run keeps is KeepWeights, train/trainer.h.)
enum class Keep {
  training,     // every layer, and there is room for gradients
  recomputing,  // the same, but only the input of each layer except the last: backward computes the rest (arXiv:1604.06174)
  scoring,      // nothing: one layer's memory serves all
};
/// The choices of what training computes again in the backward pass.
template <>
inline constexpr auto kChoices<Keep> = choice_table<Keep>("recomputation",
                                                          {{"none", Keep::training}, {"layer", Keep::recomputing}});

/// What a norm's forward pass keeps for backward.
template <class T>
struct NormMoments {
  TensorView<T> mean, rstd;  // (R), mean only with LayerNorm
};

/// What a norm at the end of a branch read, and kept.
template <class T>
struct PostNormActivations {
  TensorView<T> input;  // (R, C)
  NormMoments<T> moments;
};

/// What one layer's passes share; the letters are those of model/config.h. Views of what the model lacks are empty.
template <class T>
struct LayerActivations {
  TensorView<T> attention_norm;  // (R, C) normalised input
  NormMoments<T> attention_norm_moments;
  TensorView<T> qkv;     // (R, (H + 2 KV) D)
  TensorView<T> qk;      // (R, (H + KV) D) after QK-norm and rotation; empty without QK-norm (then qkv itself is rotated)
  TensorView<T> q_rstd;  // (R, H) or (R)
  TensorView<T> k_rstd;  // (R, KV) or (R)
  TensorView<T> log_sum_exp;  // (B, H, T)
  TensorView<T> attention;    // (R, H D)
  PostNormActivations<T> attention_post_norm;
  TensorView<T> middle;    // (R, C) residual stream after attention
  TensorView<T> ffn_norm;  // (R, C)
  NormMoments<T> ffn_norm_moments;
  TensorView<T> up;         // (R, 2F) or (R, F)
  TensorView<T> activated;  // (R, F)
  PostNormActivations<T> ffn_post_norm;
};

/// What the head keeps of a chunk of rows; empty but for masked models' heads, and `capped` for capped logits.
template <class T>
struct HeadActivations {
  TensorView<T> dense;      // (chunk, C)
  TensorView<T> activated;  // (chunk, C)
  TensorView<T> normed;     // (chunk, C)
  NormMoments<T> moments;   // (chunk)
  TensorView<T> capped;     // (chunk, V), training only
};

template <class T>
class Activations {
 public:
  /// Makes room for `sequences` of `length` tokens, or for more and shorter ones with as many tokens in all.
  Activations(const ModelConfig& config, std::int64_t sequences, std::int64_t length, Keep keep);

  /// Returns the bytes that the constructor would allocate.
  static std::int64_t bytes(const ModelConfig& config, std::int64_t sequences, std::int64_t length, Keep keep);
  /// Returns the number of rows of logits that exist at once.
  static std::int64_t head_chunk_rows(const ModelConfig& config);

  std::int64_t sequences() const { return sequences_; }
  std::int64_t length() const { return length_; }
  Keep keep() const { return keep_; }

  PostNormActivations<T> embedding_norm;
  std::vector<TensorView<T>> residual;      // L + 1 times (R, C): the stream before each layer, and after the last
  std::vector<LayerActivations<T>> layers;  // L
  TensorView<T> final_norm;                 // (R, C) what the head reads: without a final norm the last of `residual`
  NormMoments<T> final_norm_moments;
  HeadActivations<T> head;
  TensorView<T> logits;        // (chunk, V)
  TensorView<T> hidden_chunk;  // (chunk, C) rows gathered if not all count
  RotaryTables<T> rotary;

  // Gradients in flight (training only).
  TensorView<T> d_residual;      // (R, C)
  TensorView<T> d_hidden;        // (R, C)
  TensorView<T> d_qkv;           // (R, (H + 2 KV) D)
  TensorView<T> d_attention;     // (R, H D)
  TensorView<T> d_up;            // (R, 2F) or (R, F)
  TensorView<T> d_activated;     // (R, F)
  TensorView<T> d_branch;        // (R, C) only if the branches of a layer are parallel
  TensorView<T> d_hidden_chunk;  // (chunk, C)
  TensorView<T> d_head;          // (chunk, C) only of a masked model's head

 private:
  Activations() = default;
  void lay_out(Layout& layout);
  void lay_out_layer(Layout& layout, LayerActivations<T>& layer);
  void lay_out_head(Layout& layout);
  void place_moments(Layout& layout, NormMoments<T>& moments, std::int64_t rows) const;
  void place_post_norm(Layout& layout, PostNormActivations<T>& norm) const;
  ModelConfig config_;
  std::int64_t sequences_ = 0;
  std::int64_t length_ = 0;
  Keep keep_ = Keep::scoring;
  Arena<T> arena_;
};

}  // namespace lm
