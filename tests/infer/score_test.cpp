#include "infer/score.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "model/decode.h"
#include "model/kv_cache.h"
#include "model/transformer.h"
#include "support/tiny_model.h"

using namespace lm;

namespace {

/// log-probabilities of every token by the decoder, one prefix after the other, in double from float logits.
struct Reference {
  std::vector<double> nats, entropy, highest, begins;
  std::vector<std::int64_t> rank, likely;
  std::vector<TokenId> likeliest;
};

/// Ids divisible by three begin words.
std::vector<std::uint8_t> every_third(std::int64_t vocab_size) {
  std::vector<std::uint8_t> begins(static_cast<std::size_t>(vocab_size));
  for (std::size_t i = 0; i < begins.size(); i += 3) begins[i] = 1;
  return begins;
}

Reference by_decoder(Compute& compute, const Parameters<float>& parameters, const std::vector<TokenId>& tokens) {
  Decoder decoder(compute, parameters);
  KVCache cache(parameters.config(), parameters.config().context_length);
  Reference result;
  for (std::size_t i = 0; i + 1 < tokens.size(); ++i) {
    const TensorView<const float> logits = decoder.step(cache, tokens[i]);
    double sum = 0;
    for (std::int64_t v = 0; v < logits.size(); ++v) sum += std::exp(static_cast<double>(logits[v]));
    double entropy = 0;
    std::int64_t rank = 1;
    const float of_target = logits[static_cast<std::int64_t>(tokens[i + 1])];
    for (std::int64_t v = 0; v < logits.size(); ++v) {
      const double p = std::exp(static_cast<double>(logits[v])) / sum;
      entropy -= p * std::log(p);
      if (logits[v] > of_target) ++rank;
    }
    result.nats.push_back(std::log(sum) - static_cast<double>(of_target));
    result.entropy.push_back(entropy);
    result.rank.push_back(rank);
    double begins = 0, highest = 0;
    std::int64_t likely = 0, likeliest = 0;
    for (std::int64_t v = 0; v < logits.size(); ++v) {
      const double p = std::exp(static_cast<double>(logits[v])) / sum;
      if (v % 3 == 0) begins += p;
      if (p > highest) likeliest = v;
      highest = std::max(highest, p);
    }
    for (std::int64_t v = 0; v < logits.size(); ++v)
      likely += std::exp(static_cast<double>(logits[v])) / sum >= highest / 2 ? 1 : 0;
    result.highest.push_back(-std::log(highest));
    result.begins.push_back(-std::log(begins));
    result.likely.push_back(likely);
    result.likeliest.push_back(static_cast<TokenId>(likeliest));
  }
  return result;
}

// Float logits of magnitude 10 or less, summed in another order.
constexpr double kTolerance = 1e-4;

}  // namespace

TEST_CASE("nats, rank and entropy of each row are those of the decoder's logits") {
  Compute compute(2, best_simd_tier());
  for (const auto& [name, config] : test::all_configs()) {
    CAPTURE(name);
    Parameters<float> parameters(config);
    test::randomise(parameters, 31, 0.4);
    Batch batch = test::random_batch(3, 10, config.vocab_size, 32);
    Activations<float> activations(config, 3, 10, Keep::scoring);
    const std::vector<std::uint8_t> begins = every_third(config.vocab_size);
    ScoreSink sink(compute, batch, {.all = true, .begins = begins});
    Transformer<float>(compute, parameters).score(batch, activations, sink);
    for (std::size_t s = 0; s < 3; ++s) {
      for (std::size_t i = 0; i < 10; ++i) {
        const std::size_t row = s * 10 + i;
        if (batch.weight[row] == 0) {
          CHECK(sink.scores[row].nats == 0);
          continue;
        }
        std::vector<TokenId> tokens(batch.input.begin() + static_cast<std::ptrdiff_t>(s * 10),
                                    batch.input.begin() + static_cast<std::ptrdiff_t>(row) + 1);
        tokens.push_back(batch.target[row]);
        const Reference expected = by_decoder(compute, parameters, tokens);
        CHECK(std::abs(sink.scores[row].nats - expected.nats[i]) < kTolerance);
        CHECK(std::abs(sink.scores[row].entropy - expected.entropy[i]) < kTolerance);
        CHECK(sink.scores[row].rank == expected.rank[i]);
        CHECK(sink.scores[row].likeliest == expected.likeliest[i]);
        CHECK(sink.scores[row].likely == expected.likely[i]);
        CHECK(std::abs(sink.scores[row].highest_nats - expected.highest[i]) < kTolerance);
        CHECK(std::abs(sink.scores[row].begins_nats - expected.begins[i]) < kTolerance);
      }
    }
  }
}

TEST_CASE("windows of all lengths come back in order, each with the score it has by itself") {
  Compute compute(2, best_simd_tier());
  const ModelConfig config = test::tiny_configs().back().config;
  Parameters<float> parameters(config);
  test::randomise(parameters, 33, 0.4);
  for (const std::int64_t batch_rows : {1, 16, 40, 2048}) {
    CAPTURE(batch_rows);
    std::vector<ScoredWindow> windows;
    Rng rng(34, RngPurpose::test);
    for (int i = 0; i < 60; ++i) {
      const auto length = 1 + static_cast<std::int64_t>(rng.below(16));
      ScoredWindow& window = windows.emplace_back();
      for (std::int64_t t = 0; t <= length; ++t) window.tokens.push_back(static_cast<TokenId>(rng.below(19)));
      window.first_scored = 1 + static_cast<std::int64_t>(rng.below(static_cast<std::uint64_t>(length)));
    }
    std::size_t next = 0;
    WindowScorer scorer(
        compute, parameters, 16,
        [&](const ScoredWindow& window, std::span<const TargetScore> nats) {
          REQUIRE(next < windows.size());
          REQUIRE(window.tokens == windows[next].tokens);
          ++next;
          REQUIRE(static_cast<std::int64_t>(nats.size()) ==
                  static_cast<std::int64_t>(window.tokens.size()) - window.first_scored);
          const Reference expected = by_decoder(compute, parameters, window.tokens);
          for (std::size_t i = 0; i < nats.size(); ++i) {
            CHECK(std::abs(nats[i].nats - expected.nats[static_cast<std::size_t>(window.first_scored) - 1 + i]) <
                  kTolerance);
          }
        },
        batch_rows);
    for (const ScoredWindow& window : windows) scorer.add(window);
    scorer.flush();
    CHECK(next == windows.size());
    scorer.flush();
    CHECK(next == windows.size());
  }
}

TEST_CASE("sequences with prefixes of all lengths have the scores they have by themselves") {
  Compute compute(2, best_simd_tier());
  const ModelConfig config = test::tiny_configs().back().config;
  Parameters<float> parameters(config);
  test::randomise(parameters, 35, 0.4);
  std::vector<ScoredSequence> sequences;
  Rng rng(36, RngPurpose::test);
  for (int i = 0; i < 40; ++i) {
    const auto length = 1 + static_cast<std::int64_t>(rng.below(16));
    ScoredSequence& sequence = sequences.emplace_back();
    for (std::int64_t t = 0; t < length; ++t) {
      sequence.input.push_back(static_cast<TokenId>(rng.below(19)));
      if (rng.below(3) > 0) sequence.targets.push_back({.place = t, .token = static_cast<TokenId>(rng.below(19))});
    }
    sequence.prefix_length = static_cast<std::int64_t>(rng.below(static_cast<std::uint64_t>(length) + 1));
  }
  SequenceScorer scorer(compute, parameters, 16, 64);
  const std::vector<std::vector<TargetScore>> nats = scorer.score(sequences);
  REQUIRE(nats.size() == sequences.size());
  Activations<float> activations(config, 1, 16, Keep::scoring);
  for (std::size_t s = 0; s < sequences.size(); ++s) {
    const ScoredSequence& sequence = sequences[s];
    REQUIRE(nats[s].size() == sequence.targets.size());
    Batch batch;
    batch.sequences = 1;
    batch.length = std::ssize(sequence.input);
    batch.input = sequence.input;
    batch.target.assign(sequence.input.size(), 0);
    batch.weight.assign(sequence.input.size(), 0);
    batch.prefix_length = {sequence.prefix_length};
    for (const ScoredSequence::Target& target : sequence.targets) {
      batch.target[static_cast<std::size_t>(target.place)] = target.token;
      batch.weight[static_cast<std::size_t>(target.place)] = 1;
    }
    ScoreSink sink(compute, batch);
    Transformer<float>(compute, parameters).score(batch, activations, sink);
    for (std::size_t i = 0; i < sequence.targets.size(); ++i)
      CHECK(std::abs(nats[s][i].nats - sink.scores[static_cast<std::size_t>(sequence.targets[i].place)].nats) < kTolerance);
  }
}

TEST_CASE("sequences on either side of a rotation's original context do not change each other's nats") {
  Compute compute(2, best_simd_tier());
  ModelConfig config = test::tiny_configs().back().config;
  config.rotary.scaling = RotaryScaling::longrope;
  config.rotary.original_context = 6;
  config.rotary.short_factors = {1, 1.5, 2};
  config.rotary.long_factors = {1, 4, 9};
  Parameters<float> parameters(config);
  test::randomise(parameters, 5, 0.5);
  std::vector<ScoredSequence> sequences(5);
  for (std::size_t i = 0; i < sequences.size(); ++i) {
    const auto length = static_cast<std::int64_t>(4 + i);
    for (std::int64_t t = 0; t < length; ++t) {
      sequences[i].input.push_back(static_cast<TokenId>((t * 7 + 3) % config.vocab_size));
      sequences[i].targets.push_back({.place = t, .token = static_cast<TokenId>((t * 5 + 1) % config.vocab_size)});
    }
  }
  SequenceScorer scorer(compute, parameters, 16, 64);
  const std::vector<std::vector<TargetScore>> together = scorer.score(sequences);
  for (std::size_t i = 0; i < sequences.size(); ++i) {
    const std::vector<TargetScore> alone = scorer.score(std::span(sequences).subspan(i, 1)).front();
    CHECK(std::equal(together[i].begin(), together[i].end(), alone.begin(), alone.end(),
                     [](const TargetScore& a, const TargetScore& b) { return a.nats == b.nats; }));
  }
}
