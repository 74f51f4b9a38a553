// Small GGUF models, and what transformers computes of their dequantized weights (golden/make_gguf_golden.py).
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "base/json.h"
#include "model/files/checkpoint.h"
#include "model/transformer.h"
#include "support/test_data.h"
#include "support/worst.h"

namespace {

using namespace lm;

/// Returns log p of every id but the first.
std::vector<double> log_probabilities(const LoadedModel& model, const std::vector<TokenId>& ids) {
  const ModelConfig& config = model.record.config;
  Batch batch;
  batch.sequences = 1;
  batch.length = std::ssize(ids);
  batch.input = batch.target = ids;
  batch.weight.assign(ids.size(), 1.0F);
  Compute compute(2, best_simd_tier());
  Activations<float> activations(config, batch.sequences, batch.length, Keep::scoring);
  Transformer<float> transformer(compute, model.parameters);
  KeepLogits<float> sink;
  transformer.score(batch, activations, sink);
  const auto width = static_cast<std::size_t>(config.vocab_size);
  std::vector<double> result;
  for (std::size_t i = 0; i + 1 < ids.size(); ++i) {
    const double* row = sink.values.data() + i * width;
    const double most = *std::max_element(row, row + width);
    double sum = 0;
    for (std::size_t v = 0; v < width; ++v) sum += std::exp(row[v] - most);
    result.push_back(row[ids[i + 1]] - most - std::log(sum));
  }
  return result;
}

}  // namespace

TEST_CASE("GGUF models have the log-probabilities of their dequantized weights in transformers") {
  const std::string path = test::golden_path("gguf/expected.json");
  const JsonValue expected = JsonValue::parse(test::read_file(path), path);
  REQUIRE(expected.if_object()->size() == 2);
  for (const auto& [name, values] : *expected.if_object()) {
    CAPTURE(name);
    std::vector<TokenId> ids;
    for (const JsonValue& id : *values.find("input")->if_array()) ids.push_back(static_cast<TokenId>(*id.if_integer()));
    const LoadedModel model = load_model(test::golden_path("gguf/" + name));
    const std::vector<double> ours = log_probabilities(model, ids);
    const JsonValue::Array& theirs = *values.find("log_probabilities")->if_array();
    REQUIRE(theirs.size() == ours.size());
    double worst = 0;
    for (std::size_t i = 0; i < ours.size(); ++i) {
      double their = 0;
      REQUIRE(theirs[i].to_double(their));
      worst = test::worse(worst, std::fabs(ours[i] - their));
    }
    CHECK(worst <= 5e-5);  // rounding to float in 2 and 3 layers, as for models in folders
  }
}

TEST_CASE("a GGUF model says what ends its texts and how its weights were stored") {
  const LoadedModel model = load_model(test::golden_path("gguf/llama.gguf"));
  CHECK(model.record.ends.ids == std::vector<TokenId>{257});
  CHECK(model.record.tokenizer_in_file);
  REQUIRE(model.record.notes.size() == 1);
  CHECK(model.record.notes[0] == "its weights are dequantized from Q4_0 to 32-bit floats");
  CHECK(model.record.config.rotary.scaling == RotaryScaling::llama3);
  CHECK(model.record.config.rotary.original_context == 48);
  const LoadedModel other = load_model(test::golden_path("gguf/gemma3-00001-of-00002.gguf"));
  CHECK(other.record.notes.empty());
  CHECK(!other.record.tokenizer_in_file);
}
