#include "infer/pool.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "base/json.h"
#include "model/files/checkpoint.h"
#include "support/test_data.h"
#include "support/tiny_model.h"

using namespace lm;

namespace {

JsonValue golden(const std::string& name) {
  const std::string path = test::golden_path(name);
  return JsonValue::parse(test::read_file(path), path);
}

/// A sequence all of whose places are asked for.
ScoredSequence whole(std::vector<TokenId> input, bool both_ways) {
  ScoredSequence sequence{.input = std::move(input), .targets = {}, .prefix_length = 0};
  for (std::int64_t i = 0; i < std::ssize(sequence.input); ++i) sequence.targets.push_back({.place = i, .token = 0});
  if (both_ways) sequence.prefix_length = std::ssize(sequence.input);
  return sequence;
}

}  // namespace

TEST_CASE(
    "mean hidden states are transformers', of models that see one way and both ways") {  // golden/make_features_golden.py
  Compute compute(2, best_simd_tier());
  const JsonValue all = golden("features.json");
  for (const auto& [name, rows] : *all.if_object()) {
    CAPTURE(name);
    const LoadedModel model = load_model(test::golden_path("families/" + name));
    const bool both_ways = model.record.objective == "masked";
    const JsonValue expected = golden("families/" + name + "/expected.json");
    std::vector<ScoredSequence> sequences;
    for (const JsonValue& row : *expected.find("input")->if_array()) {
      std::vector<TokenId> ids;
      for (const JsonValue& id : *row.if_array()) ids.push_back(static_cast<TokenId>(*id.if_integer()));
      sequences.push_back(whole(std::move(ids), both_ways));
    }
    SequencePooler pooler(compute, model.parameters, std::ssize(sequences.front().input));
    const std::vector<double> sums = pooler.sum(sequences);
    const auto channels = static_cast<std::size_t>(model.record.config.channels);
    REQUIRE(sums.size() == sequences.size() * channels);
    double worst = 0;
    for (std::size_t s = 0; s < sequences.size(); ++s) {
      const JsonValue::Array& row = *(*rows.if_array())[s].if_array();
      REQUIRE(row.size() == channels);
      for (std::size_t c = 0; c < channels; ++c) {
        double value = 0;
        REQUIRE(row[c].to_double(value));
        worst = std::max(worst, std::abs(sums[s * channels + c] / static_cast<double>(sequences[s].input.size()) - value));
      }
    }
    CHECK(worst < 1e-4);  // both compute in float
  }
}

TEST_CASE("a sum is of the places that are asked for, and does not depend on what else is pooled") {
  Compute compute(2, best_simd_tier());
  for (const auto& [name, config] : test::tiny_configs()) {
    CAPTURE(name);
    Parameters<float> parameters(config);
    test::randomise(parameters, 3, 0.3);
    const std::int64_t longest = std::min<std::int64_t>(config.context_length, 12);
    SequencePooler pooler(compute, parameters, longest);
    std::vector<ScoredSequence> sequences;
    for (std::int64_t length = 1; length <= longest; ++length) {
      std::vector<TokenId> ids;
      for (std::int64_t i = 0; i < length; ++i) ids.push_back(static_cast<TokenId>((7 * i + length) % config.vocab_size));
      sequences.push_back(whole(ids, length % 2 == 0));
    }
    const auto channels = static_cast<std::size_t>(config.channels);
    const std::vector<double> together = pooler.sum(sequences);
    for (std::size_t s = 0; s < sequences.size(); ++s) {
      std::vector<double> sum(channels);
      // Place by place, alone.
      for (const ScoredSequence::Target& target : sequences[s].targets) {
        ScoredSequence one = sequences[s];
        one.targets = {target};
        const std::vector<double> part = pooler.sum({&one, 1});
        std::transform(sum.begin(), sum.end(), part.begin(), sum.begin(), std::plus<>());
      }
      CHECK(std::equal(sum.begin(), sum.end(), together.begin() + static_cast<std::ptrdiff_t>(s * channels)));
    }
  }
}
