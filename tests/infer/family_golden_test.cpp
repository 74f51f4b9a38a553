// Small models of every family and feature, as transformers wrote them, and what it computes of them: logits, loss, gradients
// and greedy text (golden/make_family_golden.py).
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

#include "base/json.h"
#include "infer/generate.h"
#include "model/families.h"
#include "model/files/checkpoint.h"
#include "model/files/model_tensors.h"
#include "model/transformer.h"
#include "support/test_data.h"
#include "support/worst.h"

namespace {

using namespace lm;

std::vector<std::string> folders() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(test::golden_path("families"))) names.push_back(entry.path());
  std::sort(names.begin(), names.end());
  return names;
}

JsonValue expected_of(const std::string& folder) {
  const std::string path = folder + "/expected.json";
  return JsonValue::parse(test::read_file(path), path);
}

std::vector<TokenId> ids_of(const JsonValue& list) {
  std::vector<TokenId> ids;
  for (const JsonValue& id : *list.if_array()) ids.push_back(static_cast<TokenId>(*id.if_integer()));
  return ids;
}

double number_in(const JsonValue& value) {
  double result = 0;
  REQUIRE(value.to_double(result));
  return result;
}

Batch batch_of(const JsonValue& expected, const ModelConfig& config) {
  Batch batch;
  for (const JsonValue& row : *expected.find("input")->if_array()) {
    const std::vector<TokenId> ids = ids_of(row);
    batch.input.insert(batch.input.end(), ids.begin(), ids.end());
    ++batch.sequences;
    batch.length = std::ssize(ids);
  }
  for (const JsonValue& row : *expected.find("target")->if_array()) {
    const std::vector<TokenId> ids = ids_of(row);
    batch.target.insert(batch.target.end(), ids.begin(), ids.end());
  }
  batch.weight.assign(batch.input.size(), 1.0f);
  if (is_masked_family(config.family)) batch.prefix_length.assign(static_cast<std::size_t>(batch.sequences), batch.length);
  return batch;
}

/// Keeps all logits.
template <class T>
class KeepLogits : public RowSink<T> {
 public:
  void consume(std::span<const std::int64_t> rows, TensorView<T> logits) override {
    for (std::size_t i = 0; i < rows.size(); ++i) {
      for (std::int64_t v = 0; v < logits.columns(); ++v)
        values.push_back(static_cast<double>(logits(static_cast<std::int64_t>(i), v)));
    }
  }
  std::vector<double> values;
};

double log_probability(std::span<const double> logits, std::size_t id) {
  const double largest = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const double logit : logits) sum += std::exp(logit - largest);
  return logits[id] - largest - std::log(sum);
}

/// Returns the largest difference of a log-probability of any token at any place, of the unlikeliest ones (below e^-10) in
/// proportion: they are differences of large logits.
double worst_log_probability(const std::vector<double>& ours, const JsonValue& expected, std::size_t vocab_size) {
  std::vector<double> theirs;
  for (const JsonValue& value : *expected.find("logits")->if_array()) theirs.push_back(number_in(value));
  REQUIRE(ours.size() == theirs.size());
  double worst = 0;
  for (std::size_t row = 0; row < ours.size(); row += vocab_size) {
    for (std::size_t id = 0; id < vocab_size; ++id) {
      const double exact = log_probability(std::span(theirs).subspan(row, vocab_size), id);
      const double difference = log_probability(std::span(ours).subspan(row, vocab_size), id) - exact;
      worst = test::worse(worst, std::fabs(difference) / std::max(1.0, std::fabs(exact) / 10));
    }
  }
  return worst;
}

/// The norm of a tensor, and its product with numbers that are fixed for each place on disk.
struct Fingerprints {
  double norm = 0, dot = 0;
};
Fingerprints fingerprints(const TensorSpec& spec, const float* values) {
  Fingerprints result;
  std::uint32_t i = 0;
  produce_tensor(spec, values, [&](const void* bytes, std::size_t size) {
    const float* numbers = static_cast<const float*>(bytes);
    for (std::size_t k = 0; k < size / sizeof(float); ++k) {
      const auto value = static_cast<double>(numbers[k]);
      const std::uint32_t hash = i++ * 2654435761u + 12345u;
      result.norm = std::hypot(result.norm, value);
      result.dot += value * (static_cast<double>(hash) / 2147483648.0 - 1);
    }
  });
  return result;
}

}  // namespace

TEST_CASE("models of every family have transformers' log-probabilities, loss and gradients") {
  CHECK(folders().size() >= 45);
  for (const std::string& folder : folders()) {
    CAPTURE(folder);
    const LoadedModel model = load_model(folder);
    const ModelConfig& config = model.record.config;
    const JsonValue expected = expected_of(folder);
    const Batch batch = batch_of(expected, config);
    Compute compute(2, best_simd_tier());
    for (const Keep keep : {Keep::training, Keep::recomputing}) {
      Activations<float> activations(config, batch.sequences, batch.length, keep);
      Transformer<float> transformer(compute, model.parameters);
      KeepLogits<float> sink;
      transformer.score(batch, activations, sink);
      // Its own float pass is up to 2.6e-5 away; weights in F64 are rounded to float.
      CHECK(worst_log_probability(sink.values, expected, static_cast<std::size_t>(config.vocab_size)) <= 5e-5);

      Parameters<float> gradients(config);
      transformer.forward(batch, activations);
      const Loss loss = transformer.backward(batch, activations, gradients, 1.0 / static_cast<double>(batch.rows()));
      CHECK(loss.mean() == doctest::Approx(expected.number_at("loss", folder)).epsilon(1e-6));
      const JsonValue& theirs = *expected.find("gradients");
      CHECK(theirs.if_object()->size() == gradients.tensors().size());
      double whole = 0;
      for (const auto& [name, pair] : *theirs.if_object()) whole = std::hypot(whole, number_in((*pair.if_array())[0]));
      for (const TensorSpec& spec : gradients.tensors()) {
        CAPTURE(spec.name);
        const std::string stem = spec.name.substr(spec.name.find('.') + 1);  // of what base models lack
        const std::string older = spec.name.ends_with(".weight") ? spec.name.substr(0, spec.name.size() - 7) + ".gamma"
                                                                 : spec.name.substr(0, spec.name.rfind('.')) + ".beta";
        const JsonValue* pair = nullptr;
        for (const std::string& name : {spec.name, stem, older}) pair = pair == nullptr ? theirs.find(name) : pair;
        REQUIRE(pair != nullptr);
        const double norm = number_in((*pair->if_array())[0]), dot = number_in((*pair->if_array())[1]);
        const Fingerprints ours = fingerprints(spec, gradients.view(spec).data());
        // A bias of keys changes no weight of attention: its gradient is 0 but for rounding.
        const double scale = std::max(norm, 1e-3 * whole);
        CHECK(std::fabs(ours.norm - norm) <= 1e-4 * scale);
        CHECK(std::fabs(ours.dot - dot) <= 1e-4 * scale);
      }
    }
  }
}

TEST_CASE("decoding with a cache gives transformers' greedy text, and the logits of a whole pass") {
  for (const std::string& folder : folders()) {
    CAPTURE(folder);
    const JsonValue expected = expected_of(folder);
    const JsonValue* greedy = expected.find("greedy");
    if (greedy == nullptr) continue;
    const LoadedModel model = load_model(folder);
    const ModelConfig& config = model.record.config;
    const std::vector<TokenId> theirs = ids_of(*greedy);
    std::vector<TokenId> tokens = ids_of((*expected.find("input")->if_array())[0]);
    tokens.resize(6);
    Compute compute(2, best_simd_tier());
    Decoder decoder(compute, model.parameters);
    Context context(decoder, config, config.context_length);
    context.read(tokens);
    double worst = 0;
    for (const TokenId next : theirs) {
      Activations<float> activations(config, 1, std::ssize(tokens), Keep::scoring);
      Batch batch;
      batch.sequences = 1;
      batch.length = std::ssize(tokens);
      batch.input = batch.target = tokens;
      batch.weight.assign(tokens.size(), 0.0f);
      batch.weight.back() = 1;
      KeepLogits<float> sink;
      Transformer<float>(compute, model.parameters).score(batch, activations, sink);
      const TensorView<const float> logits = context.logits();
      std::int64_t best = 0;
      for (std::int64_t v = 0; v < logits.size(); ++v) {
        worst = test::worse(worst, std::fabs(static_cast<double>(logits[v]) - sink.values[static_cast<std::size_t>(v)]));
        if (logits[v] > logits[best]) best = v;
      }
      CHECK(static_cast<TokenId>(best) == next);
      tokens.push_back(next);
      context.append(next);
    }
    CHECK(worst <= 2e-5);
  }
}
