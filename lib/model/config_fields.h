// The fields of ModelConfig by the names under which lm.config has them, stated once for reading, writing and checking.
#pragma once

#include "model/config.h"

namespace lm {

/// Calls visit(name, field) for the sizes, all of which are at least 1.
template <class Config, class Visit>
void visit_sizes(Config& config, Visit&& visit) {
  visit("layers", config.n_layers);
  visit("channels", config.channels);
  visit("heads", config.n_heads);
  visit("kv_heads", config.n_kv_heads);
  visit("head_dim", config.head_dim);
  visit("ffn", config.ffn_dim);
  visit("context", config.context_length);
  visit("vocab_size", config.vocab_size);
}

/// Calls visit(name, field) for what layers are made of. Fields that are as the family's default are not written.
template <class Config, class Visit>
void visit_features(Config& config, Visit&& visit) {
  visit("norm", config.norm);
  visit("gain_offset", config.gain_offset);
  visit("norm_bias", config.norm_bias);
  visit("embedding_norm", config.embedding_norm);
  visit("input_norm", config.input_norm);
  visit("branch_norm", config.branch_norm);
  visit("sum_norm", config.sum_norm);
  visit("final_norm", config.final_norm);
  visit("parallel_residual", config.parallel_residual);
  visit("embedding_scale", config.embedding_scale);
  visit("residual_scale", config.residual_scale);
  visit("positions", config.positions);
  visit("position_offset", config.position_offset);
  visit("token_types", config.token_types);
  visit("rotary", config.rotary);
  visit("local_rotary", config.local_rotary);
  visit("rotary_dim", config.rotary_dim);
  visit("rotary_interleaved", config.rotary_interleaved);
  visit("qk_norm", config.qk_norm);
  visit("qkv_bias", config.qkv_bias);
  visit("projection_bias", config.projection_bias);
  visit("attention_scale", config.attention_scale);
  visit("score_cap", config.score_cap);
  visit("activation", config.activation);
  visit("gated", config.gated);
  visit("ffn_bias", config.ffn_bias);
  visit("logit_scale", config.logit_scale);
  visit("logit_cap", config.logit_cap);
  visit("head_dense", config.head_dense);
  visit("head_dense_bias", config.head_dense_bias);
  visit("head_bias", config.head_bias);
  visit("head_activation", config.head_activation);
  visit("layer_shapes", config.layer_shapes);
}

/// Calls visit(name, field) for the fields of a rotation.
template <class Rotation, class Visit>
void visit_rotary(Rotation& rotary, Visit&& visit) {
  visit("theta", rotary.theta);
  visit("scaling", rotary.scaling);
  visit("factor", rotary.factor);
  visit("attention_factor", rotary.attention_factor);
  visit("original_context", rotary.original_context);
  visit("low_frequency", rotary.low_frequency);
  visit("high_frequency", rotary.high_frequency);
  visit("fast_turns", rotary.fast_turns);
  visit("slow_turns", rotary.slow_turns);
  visit("whole_bounds", rotary.whole_bounds);
  visit("short_factors", rotary.short_factors);
  visit("long_factors", rotary.long_factors);
}

/// Calls visit(name, field) for the fields of a layer.
template <class Shape, class Visit>
void visit_layer_shape(Shape& layer, Visit&& visit) {
  visit("window", layer.window);
  visit("rotation", layer.rotation);
  visit("attention_norm", layer.attention_norm);
}

}  // namespace lm
