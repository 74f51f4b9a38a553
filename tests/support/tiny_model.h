// Small models and batches for tests: every family, every option of its shape.
#pragma once

#include <string>
#include <vector>

#include "base/rng.h"
#include "model/batch.h"
#include "model/config.h"
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
      config.rope_theta = 100.0;
      configs.push_back({std::string(to_string(family)) + (tied ? ", tied" : ", untied"), config});
    }
  }
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
