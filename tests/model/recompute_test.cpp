// Recomputing activations in backward: the same gradients, bit by bit, from less memory.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "model/transformer.h"
#include "support/tiny_model.h"

namespace {

using namespace lm;
using namespace lm::test;

/// What each objective's batches show to a query.
struct NamedBatch {
  std::string name;
  Batch batch;
};

std::vector<NamedBatch> batches_of_objectives(std::int64_t vocab_size) {
  const Batch plain = random_batch(3, 11, vocab_size, 5);
  std::vector<NamedBatch> batches = {{"causal and fim", plain},
                                     {"prefix and span", plain},
                                     {"masked", plain},
                                     {"masked, separate documents", plain},
                                     {"a mixture, separate documents", plain}};
  std::vector<std::int32_t> documents(static_cast<std::size_t>(plain.rows()), 0);
  for (std::size_t i = 28; i < documents.size(); ++i) documents[i] = 1;
  batches[1].batch.prefix_length = {1, 4, 10};
  batches[2].batch.prefix_length = batches[3].batch.prefix_length = {11, 11, 11};
  batches[4].batch.prefix_length = {0, 11, 4};
  batches[3].batch.document = batches[4].batch.document = documents;
  return batches;
}

template <class T>
Parameters<T> gradients_of(Compute& compute, const Parameters<T>& weights, const Batch& batch, Keep keep,
                           const DropoutPlan& dropout, Loss& loss) {
  Transformer<T> transformer(compute, weights);
  Activations<T> activations(weights.config(), batch.sequences, batch.length, keep);
  Parameters<T> gradients(weights.config());
  transformer.forward(batch, activations, dropout);
  loss = transformer.backward(batch, activations, gradients, 0.25, dropout);
  return gradients;
}

template <class T>
void check_same_bits(Compute& compute, const ModelConfig& config) {
  Parameters<T> weights(config);
  randomise(weights, 11, 0.3);
  for (const NamedBatch& named : batches_of_objectives(config.vocab_size)) {
    for (const double rate : {0.0, 0.3}) {
      CAPTURE(named.name);
      CAPTURE(rate);
      const DropoutPlan dropout{.rate = rate, .key = 77, .pass = 5};
      Loss kept_loss, recomputed_loss;
      const Parameters<T> kept = gradients_of(compute, weights, named.batch, Keep::training, dropout, kept_loss);
      const Parameters<T> recomputed =
          gradients_of(compute, weights, named.batch, Keep::recomputing, dropout, recomputed_loss);
      CHECK(kept_loss.nats == recomputed_loss.nats);
      const TensorView<T> a = kept.flat(), b = recomputed.flat();
      CHECK(std::equal(a.data(), a.data() + a.size(), b.data()));
    }
  }
}

}  // namespace

TEST_CASE("recomputed activations give the same loss and gradients, bit by bit, for every family and objective") {
  Compute compute(2, best_simd_tier());
  for (NamedConfig named : all_configs()) {
    if (!named.config.layer_shapes.empty()) named.config.layer_shapes.resize(4);
    named.config.n_layers = 4;  // so that a layer's memory is overwritten more than once
    CAPTURE(named.name);
    check_same_bits<float>(compute, named.config);
    check_same_bits<double>(compute, named.config);
  }
}

TEST_CASE("with recomputation a further layer costs only its input") {
  ModelConfig config = tiny_configs().front().config;
  constexpr std::int64_t kSequences = 4, kLength = 16;
  const auto bytes = [&](std::int64_t layers, Keep keep) {
    config.n_layers = layers;
    return Activations<float>::bytes(config, kSequences, kLength, keep);
  };
  const std::int64_t input = kSequences * kLength * config.channels * static_cast<std::int64_t>(sizeof(float));
  CHECK(bytes(9, Keep::recomputing) - bytes(4, Keep::recomputing) == 5 * input);
  CHECK(bytes(9, Keep::training) - bytes(4, Keep::training) > 25 * input);
  CHECK(bytes(1, Keep::recomputing) == bytes(1, Keep::training));
}
