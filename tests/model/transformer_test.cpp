#include "model/transformer.h"

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <map>
#include <numeric>
#include <vector>

#include "base/error.h"
#include "support/tiny_model.h"

namespace {

using namespace lm;
using namespace lm::test;

/// Keeps all logits, which only a test may.
template <class T>
class KeepLogits : public RowSink<T> {
 public:
  KeepLogits(std::int64_t rows, std::int64_t vocab_size)
      : vocab_size_(vocab_size), logits(static_cast<std::size_t>(rows * vocab_size)) {}
  void consume(std::span<const std::int64_t> rows, TensorView<T> chunk) override {
    for (std::size_t i = 0; i < rows.size(); ++i) {
      std::memcpy(&logits[static_cast<std::size_t>(rows[i] * vocab_size_)], chunk.row(static_cast<std::int64_t>(i)),
                  static_cast<std::size_t>(vocab_size_) * sizeof(T));
      seen.push_back(rows[i]);
    }
  }

 private:
  std::int64_t vocab_size_;

 public:
  std::vector<T> logits;
  std::vector<std::int64_t> seen;
};

/// Keeps -log p of each row's target.
class RowNats : public RowSink<float> {
 public:
  explicit RowNats(const Batch& batch) : batch_(batch) {}
  void consume(std::span<const std::int64_t> rows, TensorView<float> logits) override {
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const float* row = logits.row(static_cast<std::int64_t>(i));
      const auto target = static_cast<double>(row[batch_.target[static_cast<std::size_t>(rows[i])]]);
      double sum = 0;
      for (std::int64_t v = 0; v < logits.columns(); ++v) sum += std::exp(static_cast<double>(row[v]) - target);
      nats[rows[i]] = std::log(sum);
    }
  }
  std::map<std::int64_t, double> nats;

 private:
  const Batch& batch_;
};

std::vector<float> all_logits(Compute& compute, const Parameters<float>& weights, Batch batch) {
  batch.weight.assign(batch.weight.size(), 1.0f);
  Activations<float> activations(weights.config(), batch.sequences, batch.length, Keep::scoring);
  Transformer<float> transformer(compute, weights);
  KeepLogits<float> sink(batch.rows(), weights.config().vocab_size);
  transformer.score(batch, activations, sink);
  return sink.logits;
}

}  // namespace

TEST_CASE("a later token never changes an earlier logit") {
  Compute compute(2, best_simd_tier());
  for (const NamedConfig& named : tiny_configs()) {
    CAPTURE(named.name);
    Parameters<float> weights(named.config);
    randomise(weights, 4, 0.3);
    const Batch batch = random_batch(2, 13, named.config.vocab_size, 1);
    const std::vector<float> before = all_logits(compute, weights, batch);
    for (const std::int64_t changed : {1, 6, 12}) {
      Batch other = batch;
      TokenId& id = other.input[static_cast<std::size_t>(changed)];
      id = (id + 1) % static_cast<TokenId>(named.config.vocab_size);
      const std::vector<float> after = all_logits(compute, weights, other);
      const auto row_bytes = static_cast<std::size_t>(named.config.vocab_size) * sizeof(float);
      const auto row = [&](const std::vector<float>& logits, std::int64_t r) {
        return &logits[static_cast<std::size_t>(r * named.config.vocab_size)];
      };
      for (std::int64_t r = 0; r < changed; ++r) CHECK(std::memcmp(row(before, r), row(after, r), row_bytes) == 0);
      CHECK(std::memcmp(row(before, changed), row(after, changed), row_bytes) != 0);
      for (std::int64_t r = 13; r < 26; ++r) CHECK(std::memcmp(row(before, r), row(after, r), row_bytes) == 0);
    }
  }
}

TEST_CASE("logits, gradients and loss have the same bits for any number of threads") {
  for (const NamedConfig& named : tiny_configs()) {
    CAPTURE(named.name);
    ModelConfig config = named.config;
    config.vocab_size = 301;
    config.ffn_dim = 70;
    Parameters<float> weights(config);
    randomise(weights, 9, 0.2);
    const Batch batch = random_batch(5, 16, config.vocab_size, 2);
    std::vector<float> reference;
    double reference_nats = 0;
    for (const int threads : {1, 2, 3, 5}) {
      Compute compute(threads, best_simd_tier());
      Parameters<float> gradients(config);
      Activations<float> activations(config, 5, 16, Keep::training);
      Transformer<float> transformer(compute, weights);
      transformer.forward(batch, activations, {.rate = 0.1, .key = 3, .pass = 8});
      const Loss loss = transformer.backward(batch, activations, gradients, 0.01, {.rate = 0.1, .key = 3, .pass = 8});
      const std::vector<float> flat(gradients.flat().data(), gradients.flat().data() + gradients.flat().size());
      if (reference.empty()) {
        reference = flat;
        reference_nats = loss.nats;
      }
      CHECK(std::memcmp(flat.data(), reference.data(), flat.size() * sizeof(float)) == 0);
      CHECK(loss.nats == reference_nats);
    }
  }
}

TEST_CASE("a fresh model's loss is ln V within 2 %") {
  Compute compute(2, best_simd_tier());
  for (const Family family : {Family::gpt2, Family::llama, Family::qwen3}) {
    for (const std::int64_t vocab_size : {257, 4096}) {
      ModelConfig config = family_defaults(family);
      config.channels = 128;
      config.n_heads = config.n_kv_heads = 4;
      config.head_dim = 32;
      config.ffn_dim = 256;
      config.vocab_size = vocab_size;
      config.context_length = 64;
      Parameters<float> weights(config);
      initialise(compute, weights, 1);
      Batch batch = random_batch(4, 64, vocab_size, 3);
      Activations<float> activations(config, 4, 64, Keep::scoring);
      const double loss = Transformer<float>(compute, weights).loss(batch, activations).mean();
      CAPTURE(to_string(family));
      CHECK(loss == doctest::Approx(std::log(static_cast<double>(vocab_size))).epsilon(0.02));
    }
  }
}

TEST_CASE("initial weights are the same for any number of threads, and differ for another seed") {
  const ModelConfig config = tiny_configs().back().config;
  Compute one(1, best_simd_tier());
  Compute three(3, best_simd_tier());
  Parameters<float> a(config), b(config), c(config);
  initialise(one, a, 7);
  initialise(three, b, 7);
  initialise(one, c, 8);
  const auto bytes = static_cast<std::size_t>(a.flat().size()) * sizeof(float);
  CHECK(std::memcmp(a.flat().data(), b.flat().data(), bytes) == 0);
  CHECK(std::memcmp(a.flat().data(), c.flat().data(), bytes) != 0);
}

TEST_CASE("only rows that count reach the head, and their loss is the same") {
  Compute compute(2, best_simd_tier());
  const ModelConfig config = tiny_configs().back().config;
  Parameters<float> weights(config);
  randomise(weights, 6, 0.3);
  Batch batch = random_batch(2, 9, config.vocab_size, 4);
  Activations<float> activations(config, 2, 9, Keep::scoring);
  Transformer<float> transformer(compute, weights);
  batch.weight.assign(batch.weight.size(), 1.0f);
  RowNats whole(batch), part(batch);
  transformer.score(batch, activations, whole);
  Batch sparse = batch;
  for (std::size_t i = 0; i < sparse.weight.size(); i += 3) sparse.weight[i] = 0.0f;
  transformer.score(sparse, activations, part);
  CHECK(whole.nats.size() == 18);
  CHECK(part.nats.size() == 12);
  double sum = 0;
  for (const auto& [row, nats] : part.nats) {
    CHECK(row % 3 != 0);
    CHECK(nats == doctest::Approx(whole.nats.at(row)).epsilon(1e-5));
    sum += nats;
  }
  const Loss loss = transformer.loss(sparse, activations);
  CHECK(loss.weight == 12.0);
  CHECK(loss.nats == doctest::Approx(sum).epsilon(1e-6));
}

TEST_CASE("an id beyond the vocabulary is refused, not read") {
  Compute compute(1, best_simd_tier());
  const ModelConfig config = tiny_configs().front().config;
  Parameters<float> weights(config);
  Activations<float> activations(config, 1, 4, Keep::scoring);
  Batch batch = random_batch(1, 4, config.vocab_size, 4);
  batch.input[2] = static_cast<TokenId>(config.vocab_size);
  CHECK_THROWS_AS(Transformer<float>(compute, weights).forward(batch, activations), Error);
}

TEST_CASE("an arena without the layers' matrices holds the other tensors") {
  for (const NamedConfig& named : tiny_configs()) {
    CAPTURE(named.name);
    const Parameters<float> whole(named.config), part(named.config, Tensors::outside_layer_matrices);
    std::vector<std::string> expected, held;
    for (const TensorSpec& spec : whole.tensors()) {
      if (!spec.in_layer_matrices()) expected.push_back(spec.name);
    }
    for (const TensorSpec& spec : part.tensors()) held.push_back(spec.name);
    CHECK(held == expected);
    CHECK(part.tokens.size() == whole.tokens.size());
    CHECK(part.layers[1].ffn_norm.gain.size() == named.config.channels);
    CHECK(part.head.empty() == whole.head.empty());
    CHECK((part.layers[0].qkv.empty() && part.layers[0].projection.empty() && part.layers[0].up.empty() &&
           part.layers[0].down.empty()));
  }
}

TEST_CASE("the parameter count is the number of weights, and FLOPs follow the definition") {
  for (const NamedConfig& named : tiny_configs()) {
    CAPTURE(named.name);
    std::int64_t count = 0;
    const Parameters<float> parameters(named.config);
    std::int64_t in_layers = 0;
    for (const TensorSpec& spec : parameters.tensors()) {
      count += spec.size();
      in_layers += spec.in_layer_matrices() ? spec.size() : 0;
      if (spec.in_layer_matrices())
        CHECK(std::accumulate(spec.matrix_rows.begin(), spec.matrix_rows.end(), std::int64_t{0}) == spec.rows);
    }
    CHECK(parameter_count(named.config) == count);
    CHECK(layer_matrix_count(named.config) == in_layers);
  }
  // GPT-2 124M: 12 layers of 12 C^2, the head, attention over 1024 places.
  ModelConfig gpt2 = family_defaults(Family::gpt2);
  gpt2.n_layers = gpt2.n_heads = gpt2.n_kv_heads = 12;
  gpt2.channels = 768;
  gpt2.head_dim = 64;
  gpt2.ffn_dim = 3072;
  gpt2.context_length = 1024;
  gpt2.vocab_size = 50257;
  CHECK(parameter_count(gpt2) == 124439808);
  CHECK(training_flops_per_token(gpt2, 1024) == 6.0 * (12.0 * 12 * 768 * 768 + 50257.0 * 768) + 6.0 * 12 * 768 * 1024);
}
