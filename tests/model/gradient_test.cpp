// The gradient of every parameter of every family against central differences in double, and float models against double
// ones.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "model/transformer.h"
#include "support/tiny_model.h"
#include "support/worst.h"

namespace {

using namespace lm;
using namespace lm::test;

constexpr double kScale = 0.25;

/// A batch that uses all of the visibility rule: a visible prefix in one sequence, two documents in another.
Batch rich_batch(const ModelConfig& config) {
  Batch batch = random_batch(3, 11, config.vocab_size, 5);
  batch.prefix_length = {0, 4, 0};
  batch.document.assign(static_cast<std::size_t>(batch.rows()), 0);
  for (std::size_t i = 28; i < 33; ++i) batch.document[i] = 1;
  return batch;
}

double scaled_loss(Compute& compute, const Parameters<double>& weights, const Batch& batch, Activations<double>& activations,
                   const DropoutPlan& dropout) {
  Transformer<double> transformer(compute, weights);
  transformer.forward(batch, activations, dropout);
  LossSink<double> sink(compute, batch);
  transformer.head(batch, activations, sink);
  return kScale * sink.loss().nats;
}

template <class T>
Loss gradients_of(Compute& compute, const Parameters<T>& weights, const Batch& batch, Parameters<T>& gradients,
                  const DropoutPlan& dropout = {}) {
  Activations<T> activations(weights.config(), batch.sequences, batch.length, Keep::training);
  Transformer<T> transformer(compute, weights);
  transformer.forward(batch, activations, dropout);
  return transformer.backward(batch, activations, gradients, kScale, dropout);
}

double largest(const Parameters<double>& parameters) {
  double value = 0;
  for (std::int64_t i = 0; i < parameters.flat().size(); ++i) value = std::max(value, std::fabs(parameters.flat()[i]));
  return value;
}

/// (f(-2h) - 8 f(-h) + 8 f(h) - f(2h)) / 12h: its error falls with h^4, so that h can be large enough for double.
double central_difference(Compute& compute, Parameters<double>& weights, double& value, const Batch& batch,
                          Activations<double>& activations, const DropoutPlan& dropout) {
  const double step = 3e-4;
  const double centre = value;
  const auto at = [&](double offset) {
    value = centre + offset;
    return scaled_loss(compute, weights, batch, activations, dropout);
  };
  const double result = (at(-2 * step) - 8 * at(-step) + 8 * at(step) - at(2 * step)) / (12 * step);
  value = centre;
  return result;
}

void check_gradients(const ModelConfig& config, const DropoutPlan& dropout) {
  Compute compute(1, SimdTier::portable);
  Parameters<double> weights(config);
  randomise(weights, 11, 0.3);
  const Batch batch = rich_batch(config);
  Parameters<double> gradients(config);
  gradients_of(compute, weights, batch, gradients, dropout);
  Activations<double> activations(config, batch.sequences, batch.length, Keep::scoring);
  const double model_scale = 1e-3 * largest(gradients);
  REQUIRE(model_scale > 0);
  for (const TensorSpec& spec : weights.tensors()) {
    double worst = 0;
    double norm = 0;
    for (std::int64_t i = 0; i < spec.size(); ++i) {
      const double analytic = gradients.view(spec).data()[i];
      const double numeric = central_difference(compute, weights, weights.view(spec).data()[i], batch, activations, dropout);
      const double bound = std::max({std::fabs(analytic), std::fabs(numeric), model_scale});
      worst = test::worse(worst, std::fabs(analytic - numeric) / bound);
      norm += analytic * analytic;
    }
    CAPTURE(spec.name);
    CHECK(worst <= 1e-6);
    CHECK(norm > 0);  // a gradient that is nowhere would pass everything else
  }
}

double difference_norm(const Parameters<double>& a, const Parameters<double>& b, const TensorSpec& spec) {
  double sum = 0;
  for (std::int64_t i = 0; i < spec.size(); ++i) {
    const double d = a.view(spec).data()[i] - b.view(spec).data()[i];
    sum += d * d;
  }
  return std::sqrt(sum);
}

double norm_of(const Parameters<double>& a, const TensorSpec& spec) {
  return difference_norm(a, Parameters<double>(a.config()), spec);
}

}  // namespace

TEST_CASE("gradients of every parameter of every family equal central differences") {
  for (const NamedConfig& named : all_configs()) {
    CAPTURE(named.name);
    check_gradients(named.config, {});
  }
}

TEST_CASE("gradients through dropout masks equal central differences") {
  for (NamedConfig named : all_configs()) {
    const bool has_own_branches =
        named.config.post_norm() || named.config.parallel_residual || named.config.residual_scale != 1;
    if (!named.config.tied_embeddings && !has_own_branches) continue;
    CAPTURE(named.name);
    named.config.dropout = 0.3;
    check_gradients(named.config, {.rate = 0.3, .key = 77, .pass = 5});
  }
}

TEST_CASE("a float model's loss and gradients equal the double one's on every tier") {
  for (const SimdTier tier : {SimdTier::portable, SimdTier::avx2, SimdTier::avx512}) {
    if (tier > best_simd_tier()) continue;
    CAPTURE(to_string(tier));
    Compute compute(2, tier);
    for (const NamedConfig& named : all_configs()) {
      CAPTURE(named.name);
      ModelConfig config = named.config;
      config.channels = config.family == Family::gpt2 ? 36 : 40;  // beyond one vector, with a remainder
      if (config.family == Family::gpt2) config.head_dim = 36 / config.n_heads;
      config.ffn_dim = 75;
      config.vocab_size = 83;
      Parameters<double> weights(config);
      randomise(weights, 3, 0.1);
      const Parameters<float> weights_float = convert<float>(weights);
      weights = convert<double>(weights_float);
      const Batch batch = rich_batch(config);
      Parameters<double> gradients(config);
      Parameters<float> gradients_float(config);
      const Loss loss = gradients_of(compute, weights, batch, gradients);
      const Loss loss_float = gradients_of(compute, weights_float, batch, gradients_float);
      CHECK(loss_float.nats == doctest::Approx(loss.nats).epsilon(1e-6));
      CHECK(loss_float.weight == loss.weight);
      const Parameters<double> widened = convert<double>(gradients_float);
      double model_norm = 0;
      for (const TensorSpec& spec : weights.tensors()) model_norm = std::hypot(model_norm, norm_of(gradients, spec));
      for (const TensorSpec& spec : weights.tensors()) {
        CAPTURE(spec.name);
        // A key's bias shifts all scores of a query alike: its true gradient is zero, so the model's norm is the measure.
        const bool key_bias = spec.name.ends_with("c_attn.bias") || spec.name.ends_with("query_key_value.bias") ||
                              spec.name.ends_with("k_proj.bias") || spec.name.ends_with("key.bias");
        CHECK(difference_norm(widened, gradients, spec) <= 1e-4 * (key_bias ? model_norm : norm_of(gradients, spec)));
      }
    }
  }
}

TEST_CASE("backward adds into gradients") {
  const ModelConfig config = tiny_configs().front().config;
  Compute compute(1, SimdTier::portable);
  Parameters<double> weights(config);
  randomise(weights, 2, 0.3);
  const Batch batch = rich_batch(config);
  Parameters<double> once(config);
  Parameters<double> twice(config);
  gradients_of(compute, weights, batch, once);
  gradients_of(compute, weights, batch, twice);
  gradients_of(compute, weights, batch, twice);
  for (std::int64_t i = 0; i < once.flat().size(); ++i) {
    CHECK(twice.flat()[i] == doctest::Approx(2 * once.flat()[i]).epsilon(1e-9));
  }
}
