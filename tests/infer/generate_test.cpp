#include "infer/generate.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "support/tiny_model.h"
#include "support/worst.h"

using namespace lm;

namespace {

struct Tiny {
  explicit Tiny(int threads = 1)
      : config(test::tiny_configs().back().config), compute(threads, best_simd_tier()), parameters(config) {
    test::randomise(parameters, 21, 0.5);
    allowed.assign(static_cast<std::size_t>(config.vocab_size), 1);
  }
  ModelConfig config;  // context of 16, vocabulary of 19
  Compute compute;
  Parameters<float> parameters;
  std::vector<std::uint8_t> allowed;
};

std::vector<float> logits_after(Tiny& tiny, std::span<const TokenId> tokens) {
  Decoder decoder(tiny.compute, tiny.parameters);
  KVCache cache(tiny.config, tiny.config.context_length);
  const TensorView<const float> logits = decoder.prefill(cache, tokens);
  return std::vector<float>(logits.data(), logits.data() + logits.size());
}

const std::vector<TokenId> kNineteen = {19};  // ends no text: beyond the vocabulary

double difference(TensorView<const float> a, const std::vector<float>& b) {
  double largest = 0;
  double scale = 0;
  for (std::int64_t i = 0; i < a.size(); ++i) {
    const auto expected = static_cast<double>(b[static_cast<std::size_t>(i)]);
    largest = test::worse(largest, std::abs(static_cast<double>(a[i]) - expected));
    scale = std::max(scale, std::abs(expected));
  }
  return largest / scale;
}

std::vector<TokenId> counting(std::size_t count) {
  std::vector<TokenId> tokens;
  for (std::size_t i = 0; i < count; ++i) tokens.push_back(static_cast<TokenId>((i * 7 + i / 5) % 19));
  return tokens;
}

}  // namespace

TEST_CASE("a full context drops its older half and reads the rest from position 0") {
  Tiny tiny;
  Decoder decoder(tiny.compute, tiny.parameters);
  Context context(decoder, tiny.config, 100);
  const std::vector<TokenId> tokens = counting(60);
  std::vector<TokenId> expected = {tokens[0]};
  context.read(expected);
  for (std::size_t i = 1; i < tokens.size(); ++i) {
    if (expected.size() == 16) expected.erase(expected.begin(), expected.begin() + 8);
    expected.push_back(tokens[i]);
    context.append(tokens[i]);
    REQUIRE(context.visible() == expected);
    CHECK(difference(context.logits(), logits_after(tiny, expected)) < 1e-4);  // sums in another order
  }
}

TEST_CASE("the last half-context of a too long prompt stays, and the number of tokens left out is returned") {
  Tiny tiny;
  Decoder decoder(tiny.compute, tiny.parameters);
  Context context(decoder, tiny.config, 16);
  const std::vector<TokenId> tokens = counting(17);
  CHECK(context.read(std::span(tokens).first(16)) == 0);
  CHECK(context.visible().size() == 16);
  CHECK(context.read(tokens) == 9);
  CHECK(context.visible() == std::vector<TokenId>(tokens.end() - 8, tokens.end()));
  CHECK(difference(context.logits(), logits_after(tiny, context.visible())) == 0);
}

TEST_CASE("greedy text follows the likeliest token of the full forward") {
  Tiny tiny;
  Decoder decoder(tiny.compute, tiny.parameters);
  Context context(decoder, tiny.config, 16);
  std::vector<TokenId> tokens = counting(4);
  context.read(tokens);
  Sampler sampler({.temperature = 0}, tiny.allowed, {});
  std::vector<TokenId> text;
  // No token is end-of-text: 19 is beyond the vocabulary.
  const Ending ending = generate(context, sampler, kNineteen, 12, [&](TokenId token) {
    text.push_back(token);
    return true;
  });
  CHECK(ending.reason == EndReason::length);
  CHECK(!ending.token);
  REQUIRE(text.size() == 12);
  for (const TokenId token : text) {
    const std::vector<float> logits = logits_after(tiny, tokens);
    CHECK(token == std::max_element(logits.begin(), logits.end()) - logits.begin());
    tokens.push_back(token);
  }
}

TEST_CASE("a text ends with any of its ends, which it does not hold, or when the caller stops it") {
  Tiny tiny;
  Decoder decoder(tiny.compute, tiny.parameters);
  Context context(decoder, tiny.config, 16);
  const std::vector<TokenId> prompt = counting(4);
  const auto run = [&](const std::vector<TokenId>& ends, std::size_t stop_after, std::vector<TokenId>& text) {
    context.read(prompt);
    Sampler sampler({.temperature = 1}, tiny.allowed, {.seed = 4});
    text.clear();
    return generate(context, sampler, ends, 40, [&](TokenId token) {
      text.push_back(token);
      return text.size() < stop_after;
    });
  };
  std::vector<TokenId> all;
  CHECK(run({19}, 100, all).reason == EndReason::length);
  REQUIRE(all.size() == 40);
  std::vector<TokenId> text;
  for (const std::vector<TokenId>& ends : {std::vector<TokenId>{all[5]}, {19, all[5]}, {all[9], 19, all[5]}}) {
    const Ending ending = run(ends, 100, text);
    CHECK(ending.reason == EndReason::end_of_text);
    const auto first = std::find_first_of(all.begin(), all.end(), ends.begin(), ends.end());
    CHECK(ending.token == *first);
    CHECK(text == std::vector<TokenId>(all.begin(), first));
  }
  CHECK(run({19}, 3, text).reason == EndReason::caller);
  CHECK(text == std::vector<TokenId>(all.begin(), all.begin() + 3));
}

TEST_CASE("the same seed gives the same text for any number of threads") {
  std::vector<std::vector<TokenId>> texts;
  for (const int threads : {1, 2}) {
    Tiny tiny(threads);
    Decoder decoder(tiny.compute, tiny.parameters);
    Context context(decoder, tiny.config, 16);
    context.read(counting(4));
    Sampler sampler({.temperature = 1}, tiny.allowed, {.seed = 9});
    std::vector<TokenId>& text = texts.emplace_back();
    generate(context, sampler, kNineteen, 50, [&](TokenId token) {
      text.push_back(token);
      return true;
    });
  }
  CHECK(texts[0] == texts[1]);
}

TEST_CASE("the end-of-text that opens a text is not repeated by a later one") {
  Tiny tiny;
  Decoder decoder(tiny.compute, tiny.parameters);
  Context context(decoder, tiny.config, 16);
  const std::vector<TokenId> only_opening = {3};
  context.read(only_opening);
  const TensorView<const float> logits = context.logits();
  const std::vector<float> raw(logits.data(), logits.data() + logits.size());
  const auto likeliest = static_cast<TokenId>(std::max_element(raw.begin(), raw.end()) - raw.begin());
  // As end-of-text 3 is exempt from a penalty that would rule it out; as any other token it is not.
  tiny.allowed.assign(tiny.allowed.size(), 0);
  tiny.allowed[3] = 1;
  tiny.allowed[likeliest == 4 ? 5 : 4] = 1;
  Sampler exempt({.repetition_penalty = 1, .temperature = 0}, tiny.allowed, {});
  Sampler penalised({.repetition_penalty = 1000, .temperature = 0}, tiny.allowed, {});
  const TokenId without = exempt.choose(logits, {});
  TokenId with = 0;
  const std::vector<TokenId> ends = {3};
  const Ending ending = generate(context, penalised, ends, 1, [&](TokenId token) {
    with = token;
    return true;
  });
  CHECK((without == 3) == (ending.reason == EndReason::end_of_text));
  if (without != 3) CHECK(with == without);
}

TEST_CASE("a prefix is seen both ways, and so is what is left of it when the context is full") {
  Tiny tiny;
  Decoder decoder(tiny.compute, tiny.parameters);
  Context context(decoder, tiny.config, 16);
  const auto expected = [&](std::int64_t prefix_length) {
    KVCache cache(tiny.config, tiny.config.context_length);
    const TensorView<const float> logits = decoder.prefill(cache, context.visible(), prefix_length);
    return std::vector<float>(logits.data(), logits.data() + logits.size());
  };
  const std::vector<TokenId> tokens = counting(14);
  context.read(tokens, 12);
  CHECK(difference(context.logits(), expected(12)) == 0);
  CHECK(difference(context.logits(), expected(0)) > 1e-3);
  context.append(3);
  context.append(4);
  REQUIRE(context.visible().size() == 16);
  CHECK(difference(context.logits(), expected(12)) < 1e-4);  // one by one: sums in another order
  context.append(5);                                         // the first eight go, and four of the prefix stay
  REQUIRE(context.visible().size() == 9);
  CHECK(difference(context.logits(), expected(4)) == 0);
  CHECK(difference(context.logits(), expected(0)) > 1e-3);
  Context copy(decoder, tiny.config, 16);
  copy.copy_from(context);
  for (int i = 0; i < 8; ++i) copy.append(2);
  REQUIRE(copy.visible().size() == 9);
  CHECK(difference(copy.logits(), [&] {
          KVCache cache(tiny.config, 16);
          const TensorView<const float> logits = decoder.prefill(cache, copy.visible(), 0);
          return std::vector<float>(logits.data(), logits.data() + logits.size());
        }()) == 0);
  // Of a prefix that is too long, what is left is one.
  context.read(counting(20), 20);
  REQUIRE(context.visible().size() == 8);
  CHECK(difference(context.logits(), expected(8)) == 0);
}

TEST_CASE("a prompt that begins like the last one is read in part, with the bits of a fresh context") {
  for (const SimdTier tier : {SimdTier::portable, SimdTier::avx2, SimdTier::avx512}) {
    if (tier > best_simd_tier()) continue;
    for (const std::int64_t channels : {24, 256}) {  // products small and large, which BLAS may compute differently
      ModelConfig config = test::tiny_configs().back().config;
      config.channels = channels;
      config.ffn_dim = 3 * channels;
      config.head_dim = channels / config.n_heads;
      config.context_length = 300;
      Parameters<float> parameters(config);
      test::randomise(parameters, 22, 0.1);
      Compute compute(2, tier);
      Decoder decoder(compute, parameters);
      Context kept(decoder, config, 300);
      Context fresh(decoder, config, 300);
      std::vector<TokenId> tokens = counting(300);
      Rng rng(1, RngPurpose::test);
      std::int64_t reused = 0;
      std::vector<std::size_t> counts;
      for (const std::size_t count : {100, 101, 17, 33, 16, 48, 49, 257, 256, 255, 273, 257, 299, 7, 1, 2, 145, 146, 290}) {
        counts.insert(counts.end(), 2, count);  // the second time nothing has changed
      }
      for (std::size_t turn = 0; turn < counts.size(); ++turn) {
        const std::size_t count = counts[turn];
        const auto changed = turn % 2 == 1 ? 0 : static_cast<std::size_t>(rng.below(40));
        for (std::size_t i = count - std::min(count, changed); i < count; ++i) tokens[i] = (tokens[i] + 1) % 19;
        const std::span<const TokenId> prompt = std::span(tokens).first(count);
        reused += kept.read_changed(prompt);
        fresh.reserve(300);
        REQUIRE(fresh.read_changed(prompt) == 0);
        REQUIRE(kept.visible() == fresh.visible());
        CAPTURE(count);
        CHECK(std::equal(kept.logits().data(), kept.logits().data() + 19, fresh.logits().data()));
        kept.append(3);
        kept.rewind();
        CHECK(std::equal(kept.logits().data(), kept.logits().data() + 19, fresh.logits().data()));
      }
      CHECK(reused > 600);
    }
  }
}

TEST_CASE("what another call read is not kept") {
  ModelConfig config = test::tiny_configs().back().config;
  config.context_length = 64;
  Parameters<float> parameters(config);
  test::randomise(parameters, 21, 0.5);
  Compute compute(1, best_simd_tier());
  Decoder decoder(compute, parameters);
  Context context(decoder, config, 64);
  context.read_changed(counting(50));
  const std::vector<float> expected(context.logits().data(), context.logits().data() + 19);
  context.read(counting(50), 50);  // all of it seen both ways
  REQUIRE_FALSE(std::equal(expected.begin(), expected.end(), context.logits().data()));
  CHECK(context.read_changed(counting(50)) == 0);
  CHECK(std::equal(expected.begin(), expected.end(), context.logits().data()));
}
