// A whole model whose products have 16-bit factors, against the same model in double.
#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "model/transformer.h"
#include "support/half_precisions.h"
#include "support/tiny_model.h"

namespace {

using namespace lm;
using namespace lm::test;

// A gradient has passed some ten products, each with factors rounded to 8 bits.
constexpr double kMixedTolerance = 2e-2;

/// The families at a size beyond every tile's, with remainders.
std::vector<NamedConfig> middling_configs() {
  std::vector<NamedConfig> configs = tiny_configs();
  for (NamedConfig& named : configs) {
    named.config.channels = named.config.family == Family::gpt2 ? 51 : 50;
    named.config.head_dim = named.config.family == Family::gpt2 ? 17 : 14;
    named.config.ffn_dim = 75;
    named.config.vocab_size = 83;
  }
  return configs;
}

template <class T>
Parameters<T> gradients_of(Compute& compute, const Parameters<T>& weights, const Batch& batch, Precision precision,
                           Loss& loss, Keep keep = Keep::training) {
  Activations<T> activations(weights.config(), batch.sequences, batch.length, keep);
  Parameters<T> gradients(weights.config());
  Transformer<T> transformer(compute, weights, precision);
  transformer.weights_changed();
  transformer.forward(batch, activations);
  // As in training: gradients are small.
  loss = transformer.backward(batch, activations, gradients, 1e-6);
  return gradients;
}

double norm(const Parameters<float>& a, const Parameters<double>& b, const TensorSpec& of_a, const TensorSpec& of_b,
            double sign) {
  double sum = 0;
  for (std::int64_t i = 0; i < of_a.size(); ++i)
    sum = std::hypot(sum, sign * static_cast<double>(a.view(of_a).data()[i]) - b.view(of_b).data()[i]);
  return sum;
}

}  // namespace

TEST_CASE("a mixed model's loss and gradients equal the double one's within the rounding of factors") {
  Compute compute(2, best_simd_tier());
  for (const Precision precision : half_precisions()) {
    for (const NamedConfig& named : middling_configs()) {
      CAPTURE(named.name);
      CAPTURE(std::string(to_string(precision)));
      Parameters<float> weights(named.config);
      randomise(weights, 3, 0.1);
      const Batch batch = random_batch(16, 16, named.config.vocab_size, 5);
      Loss loss, exact_loss;
      const Parameters<float> gradients = gradients_of(compute, weights, batch, precision, loss);
      const Parameters<double> exact = gradients_of(compute, convert<double>(weights), batch, Precision::fp32, exact_loss);
      CHECK(loss.mean() == doctest::Approx(exact_loss.mean()).epsilon(2e-3));
      Loss unrounded;
      gradients_of(compute, weights, batch, Precision::fp32, unrounded);
      CHECK(loss.nats != unrounded.nats);  // else nothing was rounded
      double model = 0;
      for (std::size_t t = 0; t < exact.tensors().size(); ++t)
        model = std::hypot(model, norm(gradients, exact, gradients.tensors()[t], exact.tensors()[t], 0));
      for (std::size_t t = 0; t < exact.tensors().size(); ++t) {
        const TensorSpec &of_float = gradients.tensors()[t], &of_double = exact.tensors()[t];
        CAPTURE(of_double.name);
        // A key's bias shifts all scores of a query alike: its true gradient is zero, so the model's norm is the measure.
        const bool key_bias = of_double.name.ends_with("c_attn.bias");
        const double size = key_bias ? model : norm(gradients, exact, of_float, of_double, 0);
        // Of what the gains of queries and keys get, nearly all cancels over the rows.
        const bool head_gain = of_double.name.ends_with("q_norm.weight") || of_double.name.ends_with("k_norm.weight");
        CHECK(norm(gradients, exact, of_float, of_double, 1) <= (head_gain ? 2 : 1) * kMixedTolerance * size);
      }
    }
  }
}

TEST_CASE("a mixed model's gradients have the same bits for any number of threads, and when layers are computed again") {
  for (const Precision precision : half_precisions()) {
    const ModelConfig config = middling_configs().back().config;
    Parameters<float> weights(config);
    randomise(weights, 3, 0.1);
    const Batch batch = random_batch(16, 16, config.vocab_size, 5);
    std::vector<Parameters<float>> results;
    for (const int threads : {1, 2, 3}) {
      Compute compute(threads, best_simd_tier());
      for (const Keep keep : {Keep::training, Keep::recomputing}) {
        Loss loss;
        results.push_back(gradients_of(compute, weights, batch, precision, loss, keep));
      }
    }
    for (const Parameters<float>& other : results) {
      const float* const first = results.front().flat().data();
      CHECK(std::equal(first, first + other.flat().size(), other.flat().data()));
    }
  }
}

TEST_CASE("a transformer follows its weights once their change is announced") {
  for (const Precision precision : half_precisions()) {
    const ModelConfig config = middling_configs().back().config;
    Compute compute(1, best_simd_tier());
    Parameters<float> weights(config);
    randomise(weights, 3, 0.1);
    const Batch batch = random_batch(2, 16, config.vocab_size, 5);
    Activations<float> activations(config, batch.sequences, batch.length, Keep::scoring);
    Transformer<float> changing(compute, weights, precision);
    changing.weights_changed();
    const double before = changing.loss(batch, activations).nats;
    randomise(weights, 4, 0.1);
    changing.weights_changed();
    Transformer<float> fresh(compute, weights, precision);
    fresh.weights_changed();
    const double after = changing.loss(batch, activations).nats;
    CHECK(after == fresh.loss(batch, activations).nats);
    CHECK(after != before);
  }
}
