// Small models and batches for tests: every family, every option of its shape.
#pragma once

#include <string>
#include <vector>

#include "base/rng.h"
#include "model/batch.h"
#include "model/config.h"
#include "model/families.h"
#include "model/parameters.h"

namespace lm::test {

struct NamedConfig {
  std::string name;
  ModelConfig config;
};

/// Returns models of two layers and 12 channels, with grouped heads if the family has them, tied and untied.
inline std::vector<NamedConfig> tiny_configs() {
  std::vector<NamedConfig> configs;
  for (const Family family : {Family::gpt2, Family::llama, Family::qwen3}) {
    for (const bool tied : {true, false}) {
      ModelConfig config = family_defaults(family);
      const bool gpt2 = family == Family::gpt2;
      config.tied_embeddings = tied;
      config.n_layers = 2;
      config.channels = 12;
      config.n_heads = gpt2 ? 3 : 4;
      config.n_kv_heads = gpt2 ? 3 : 2;
      config.head_dim = gpt2 ? 4 : 6;
      config.ffn_dim = 20;
      config.context_length = 16;
      config.vocab_size = 19;
      config.rotary.theta = 100.0;
      configs.push_back({std::string(to_string(family)) + (tied ? ", tied" : ", untied"), config});
    }
  }
  return configs;
}

/// Returns a model of each family that differs from the ones above, with every feature of its blocks that a choice of the
/// configuration has: windows, scales, caps, scaled rotations and the like, at values that matter in a few tokens.
inline std::vector<NamedConfig> feature_configs() {
  std::vector<NamedConfig> configs;
  const auto add = [&](const char* name, Family family, auto change) {
    ModelConfig config = family_defaults(family);
    config.tied_embeddings = false;
    config.n_layers = 3;
    config.channels = 12;
    config.n_heads = 4;
    config.n_kv_heads = 2;
    config.head_dim = 6;
    config.ffn_dim = 10;
    config.context_length = 16;
    config.vocab_size = 19;
    config.rotary.theta = 100.0;
    config.norm_eps = 1e-5;
    change(config);
    configs.push_back({name, config});
  };
  const auto with_own_heads = [](ModelConfig& c) {
    c.n_kv_heads = c.n_heads;
    c.head_dim = 3;
  };
  add("gpt2 relu", Family::gpt2, [&](ModelConfig& c) {
    with_own_heads(c);
    c.activation = Activation::relu;
  });
  add("llama interleaved, partial, biased", Family::llama, [](ModelConfig& c) {
    c.rotary_interleaved = true;
    c.rotary_dim = 4;
    c.qkv_bias = c.projection_bias = c.ffn_bias = true;
    c.rotary.scaling = RotaryScaling::llama3;
    c.rotary.factor = 4;
    c.rotary.original_context = 30;
  });
  add("llama yarn", Family::llama, [](ModelConfig& c) {
    c.rotary = {.theta = 100, .scaling = RotaryScaling::yarn, .factor = 3, .attention_factor = 1.1, .original_context = 9};
  });
  add("mistral windows", Family::mistral, [](ModelConfig& c) { c.layer_shapes.assign(3, {.window = 4}); });
  add("qwen2", Family::qwen2, [](ModelConfig& c) { c.layer_shapes = {{}, {.window = 5}, {.window = 2}}; });
  add("smollm3", Family::smollm3, [](ModelConfig& c) { c.layer_shapes = {{}, {.rotation = Rotation::none}, {}}; });
  add("gemma", Family::gemma, [](ModelConfig& c) { c.embedding_scale = 3.5; });
  add("gemma2", Family::gemma2, [](ModelConfig& c) {
    c.embedding_scale = 3.5;
    c.score_cap = 1.5;
    c.logit_cap = 2.0;
    c.attention_scale = 0.6;
    c.layer_shapes = {{.window = 3}, {}, {.window = 3}};
  });
  add("gemma3", Family::gemma3, [](ModelConfig& c) {
    c.embedding_scale = 2.5;
    c.local_rotary.theta = 10;
    c.layer_shapes = {{.window = 3, .rotation = Rotation::local}, {}, {.window = 3, .rotation = Rotation::local}};
    c.rotary.scaling = RotaryScaling::linear;
    c.rotary.factor = 2;
  });
  add("phi3", Family::phi3, [](ModelConfig& c) { c.rotary_dim = 2; });
  add("gpt_neox parallel", Family::gpt_neox, [&](ModelConfig& c) {
    with_own_heads(c);
    c.rotary_dim = 2;
  });
  add("olmo2", Family::olmo2, [](ModelConfig&) {});
  add("starcoder2", Family::starcoder2, [](ModelConfig& c) { c.layer_shapes.assign(3, {.window = 6}); });
  add("granite", Family::granite, [](ModelConfig& c) {
    c.embedding_scale = 1.5;
    c.residual_scale = 0.4;
    c.attention_scale = 0.3;
    c.logit_scale = 0.7;
  });
  add("bert", Family::bert, [&](ModelConfig& c) {
    with_own_heads(c);
    c.tied_embeddings = true;
  });
  add("roberta", Family::roberta, [&](ModelConfig& c) {
    with_own_heads(c);
    c.position_offset = 2;
  });
  add("modernbert", Family::modernbert, [&](ModelConfig& c) {
    c.n_kv_heads = c.n_heads;
    c.local_rotary.theta = 10;
    c.layer_shapes = {{.attention_norm = false}, {.window = 3, .rotation = Rotation::local}, {}};
  });
  return configs;
}

/// Returns both lists.
inline std::vector<NamedConfig> all_configs() {
  std::vector<NamedConfig> configs = tiny_configs();
  for (NamedConfig& named : feature_configs()) configs.push_back(std::move(named));
  return configs;
}

/// Returns random tokens, with some weights 0 or fractional, so that nothing rests on them being 1.
inline Batch random_batch(std::int64_t sequences, std::int64_t length, std::int64_t vocab_size, std::uint64_t seed) {
  Rng rng(seed, RngPurpose::test);
  Batch batch;
  batch.sequences = sequences;
  batch.length = length;
  for (std::int64_t i = 0; i < batch.rows(); ++i) {
    batch.input.push_back(static_cast<TokenId>(rng.below(static_cast<std::uint64_t>(vocab_size))));
    batch.target.push_back(static_cast<TokenId>(rng.below(static_cast<std::uint64_t>(vocab_size))));
    batch.weight.push_back(i % 5 == 3 ? 0.0f : i % 7 == 1 ? 0.5f : 1.0f);
  }
  return batch;
}

/// Sets weights far from their initial values (gains, biases and all), so that every gradient is of visible size.
template <class T>
void randomise(Parameters<T>& parameters, std::uint64_t seed, double deviation) {
  Rng rng(seed, RngPurpose::test);
  for (const TensorSpec& spec : parameters.tensors()) {
    T* values = parameters.view(spec).data();
    const double centre = spec.initial.kind == InitialValue::Kind::ones ? 1.0 : 0.0;
    for (std::int64_t i = 0; i < spec.size(); ++i) values[i] = static_cast<T>(centre + deviation * rng.normal());
  }
}

/// Returns the same numbers in another precision.
template <class To, class From>
Parameters<To> convert(const Parameters<From>& from) {
  Parameters<To> to(from.config());
  for (std::size_t t = 0; t < from.tensors().size(); ++t) {
    const From* source = from.view(from.tensors()[t]).data();
    To* target = to.view(to.tensors()[t]).data();
    for (std::int64_t i = 0; i < from.tensors()[t].size(); ++i) target[i] = static_cast<To>(source[i]);
  }
  return to;
}

}  // namespace lm::test
