// Models that Hugging Face transformers wrote, and what it computed with them: logits, loss and every gradient.
#include <doctest/doctest.h>

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

struct Expected {
  Batch batch;
  double loss = 0;
  std::vector<double> logits;  // (B, T, V)
};

double number(const JsonValue& value) {
  double result = 0;
  REQUIRE(value.to_double(result));
  return result;
}

void append_ids(const JsonValue& rows, std::vector<TokenId>& ids) {
  for (const JsonValue& row : *rows.if_array()) {
    for (const JsonValue& id : *row.if_array()) ids.push_back(static_cast<TokenId>(*id.if_integer()));
  }
}

Expected read_expected(const std::string& folder) {
  const std::string path = folder + "/expected.json";
  const JsonValue json = JsonValue::parse(test::read_file(path), path);
  Expected expected;
  append_ids(*json.find("input"), expected.batch.input);
  append_ids(*json.find("target"), expected.batch.target);
  expected.batch.sequences = static_cast<std::int64_t>(json.find("input")->if_array()->size());
  expected.batch.length = static_cast<std::int64_t>(expected.batch.input.size()) / expected.batch.sequences;
  expected.batch.weight.assign(expected.batch.input.size(), 1.0f);
  expected.loss = json.number_at("loss", path);
  for (const JsonValue& value : *json.find("logits")->if_array()) expected.logits.push_back(number(value));
  return expected;
}

/// Largest distance of a logit from the expected one.
class CompareLogits : public RowSink<float> {
 public:
  explicit CompareLogits(const std::vector<double>& expected) : expected_(expected) {}
  void consume(std::span<const std::int64_t> rows, TensorView<float> logits) override {
    for (std::size_t i = 0; i < rows.size(); ++i) {
      for (std::int64_t v = 0; v < logits.columns(); ++v) {
        const double other = expected_[static_cast<std::size_t>(rows[i] * logits.columns() + v)];
        worst = test::worse(worst, std::fabs(static_cast<double>(logits(static_cast<std::int64_t>(i), v)) - other));
        ++compared;
      }
    }
  }
  double worst = 0;
  std::size_t compared = 0;

 private:
  const std::vector<double>& expected_;
};

const std::vector<std::string> kModels = {"model_gpt2", "model_llama", "model_qwen3_tied", "model_qwen3_untied"};

}  // namespace

TEST_CASE("logits, loss and gradients equal those of Hugging Face transformers") {
  for (const std::string& name : kModels) {
    CAPTURE(name);
    const std::string folder = test::golden_path(name);
    const LoadedModel model = load_model(folder);
    const Expected expected = read_expected(folder);
    Compute compute(2, best_simd_tier());
    Activations<float> activations(model.record.config, expected.batch.sequences, expected.batch.length, Keep::training);
    Transformer<float> transformer(compute, model.parameters);
    CompareLogits sink(expected.logits);
    transformer.score(expected.batch, activations, sink);
    CHECK(sink.compared == expected.logits.size());
    CHECK(sink.worst <= 1e-5);  // logits of size 1 to 5 in float

    Parameters<float> gradients(model.record.config);
    transformer.forward(expected.batch, activations);
    const Loss loss =
        transformer.backward(expected.batch, activations, gradients, 1.0 / static_cast<double>(expected.batch.rows()));
    CHECK(loss.mean() == doctest::Approx(expected.loss).epsilon(1e-6));

    Parameters<float> theirs(model.record.config);
    read_tensors(theirs, SafetensorsFile::open(folder + "/gradients.safetensors"));
    for (const TensorSpec& spec : gradients.tensors()) {
      CAPTURE(spec.name);
      double difference = 0;
      double norm = 0;
      for (std::int64_t i = 0; i < spec.size(); ++i) {
        const auto expected_value = static_cast<double>(theirs.view(spec).data()[i]);
        difference = std::hypot(difference, static_cast<double>(gradients.view(spec).data()[i]) - expected_value);
        norm = std::hypot(norm, expected_value);
      }
      CHECK(norm > 0);
      CHECK(difference <= 2e-5 * norm);
    }
  }
}

TEST_CASE("a folder that was loaded and saved keeps every weight, its names and layouts") {
  test::TemporaryFolder temporary;
  for (const std::string& name : kModels) {
    CAPTURE(name);
    LoadedModel model = load_model(test::golden_path(name));
    model.record.tokenizer_json = "{}";
    save_model(temporary.path(name) + "/", model.record, model.parameters);
    const std::string before_path = test::golden_path(name) + "/model.safetensors";
    const std::string after_path = temporary.path(name) + "/model.safetensors";
    const SafetensorsFile before = SafetensorsFile::open(before_path), after = SafetensorsFile::open(after_path);
    const std::string before_bytes = test::read_file(before_path), after_bytes = test::read_file(after_path);
    CHECK(after.entries().size() == before.entries().size());
    for (const TensorEntry& entry : before.entries()) {
      CAPTURE(entry.name);
      const TensorEntry* twin = after.find(entry.name);
      REQUIRE(twin != nullptr);
      CHECK(twin->shape == entry.shape);
      const bool equal = before_bytes.substr(entry.offset, entry.size) == after_bytes.substr(twin->offset, twin->size);
      CHECK(equal);
    }
    const LoadedModel again = load_model(temporary.path(name));
    CHECK(again.record.config == model.record.config);
    CHECK(again.record.tokenizer_json == "{}");
  }
}
