// The scratch memory that a pass states is what its kernels ask for.
#include <doctest/doctest.h>

#include "model/transformer.h"
#include "support/tiny_model.h"

namespace {

using namespace lm;
using namespace lm::test;

template <class T>
void check_scratch(const ModelConfig& config, SimdTier tier, Precision precision, std::int64_t sequences,
                   std::int64_t length) {
  CAPTURE(length);
  Compute compute(2, tier);
  Parameters<T> weights(config);
  randomise(weights, 3, 0.1);
  Batch batch = random_batch(sequences, length, config.vocab_size, 5);
  batch.weight.assign(batch.weight.size(), 1.0f);
  Activations<T> activations(config, sequences, length, Keep::training);
  Parameters<T> gradients(config);
  Transformer<T> transformer(compute, weights, precision);
  transformer.weights_changed();
  transformer.forward(batch, activations);
  transformer.backward(batch, activations, gradients, 1.0);
  const ScratchSize stated = Transformer<T>::scratch(config, tier, precision, sequences, length),
                    asked = compute.scratch_asked();
  CHECK(stated.worker == asked.worker);
  CHECK(stated.shared == asked.shared);
  CHECK(asked.worker > 0);
  CHECK(asked.shared > 0);
}

}  // namespace

TEST_CASE("a pass asks for the scratch that it stated, on every tier and in both precisions") {
  for (const SimdTier tier : {SimdTier::portable, SimdTier::avx2, SimdTier::avx512}) {
    if (tier > best_simd_tier()) continue;
    CAPTURE(to_string(tier));
    for (NamedConfig named : all_configs()) {
      if (!named.config.tied_embeddings) continue;
      CAPTURE(named.name);
      named.config.context_length = 300;
      check_scratch<float>(named.config, tier, Precision::fp32, 3, 11);
      check_scratch<float>(named.config, tier, Precision::fp32, 4, 300);  // enough rows to cut the weights' sums into parts
      check_scratch<double>(named.config, tier, Precision::fp32, 2, 150);
      named.config.ffn_dim = 150;  // wide enough for several tiles of columns
      check_scratch<float>(named.config, tier, Precision::fp32, 5, 29);
      check_scratch<float>(named.config, tier, Precision::fp32, 100, 12);
    }
  }
}

TEST_CASE("a pass with 16-bit factors asks for the scratch that it stated") {
  for (const Precision precision : {Precision::bf16, Precision::fp16}) {
    if (!missing_for(precision, best_simd_tier()).empty()) continue;
    CAPTURE(to_string(precision));
    for (NamedConfig named : all_configs()) {
      CAPTURE(named.name);
      named.config.context_length = 300;
      check_scratch<float>(named.config, best_simd_tier(), precision, 3, 11);
      check_scratch<float>(named.config, best_simd_tier(), precision, 4, 300);
      named.config.ffn_dim = 150;
      check_scratch<float>(named.config, best_simd_tier(), precision, 5, 29);
      check_scratch<float>(named.config, best_simd_tier(), precision, 100, 12);
    }
  }
}

TEST_CASE("parameters take the bytes that they stated") {
  for (const NamedConfig& named : all_configs()) {
    CAPTURE(named.name);
    CHECK(Parameters<double>::bytes(named.config) == Arena<double>::bytes(Parameters<double>(named.config).flat().size()));
  }
}
