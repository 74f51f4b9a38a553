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

Ending run(Context& context, Sampler& sampler, std::span<const TokenId> ends, std::int64_t max_tokens,
           std::function<bool(TokenId)> on_token, Drafting drafting = Drafting::off) {
  return generate({.context = context,
                   .sampler = sampler,
                   .ends = ends,
                   .max_tokens = max_tokens,
                   .on_token = std::move(on_token),
                   .drafting = drafting});
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
  const Ending ending = run(context, sampler, kNineteen, 12, [&](TokenId token) {
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
  const auto write = [&](const std::vector<TokenId>& ends, std::size_t stop_after, std::vector<TokenId>& text) {
    context.read(prompt);
    Sampler sampler({.temperature = 1}, tiny.allowed, {.seed = 4});
    text.clear();
    return run(context, sampler, ends, 40, [&](TokenId token) {
      text.push_back(token);
      return text.size() < stop_after;
    });
  };
  std::vector<TokenId> all;
  CHECK(write({19}, 100, all).reason == EndReason::length);
  REQUIRE(all.size() == 40);
  std::vector<TokenId> text;
  for (const std::vector<TokenId>& ends : {std::vector<TokenId>{all[5]}, {19, all[5]}, {all[9], 19, all[5]}}) {
    const Ending ending = write(ends, 100, text);
    CHECK(ending.reason == EndReason::end_of_text);
    const auto first = std::find_first_of(all.begin(), all.end(), ends.begin(), ends.end());
    CHECK(ending.token == *first);
    CHECK(text == std::vector<TokenId>(all.begin(), first));
  }
  CHECK(write({19}, 3, text).reason == EndReason::caller);
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
    run(context, sampler, kNineteen, 50, [&](TokenId token) {
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
  const Ending ending = run(context, penalised, ends, 1, [&](TokenId token) {
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

TEST_CASE("a guess changes no bit of the logits, right or wrong, and what it got right costs nothing") {
  for (const auto& [name, config] : test::all_configs()) {
    CAPTURE(name);
    Parameters<float> parameters(config);
    test::randomise(parameters, 23, 0.3);
    Compute compute(2, best_simd_tier());
    Decoder decoder(compute, parameters);
    Context plain(decoder, config, config.context_length), guessing(decoder, config, config.context_length);
    const std::vector<TokenId> tokens = counting(90);
    plain.read(std::span(tokens).first(3));
    guessing.read(std::span(tokens).first(3));
    Rng rng(3, RngPurpose::test);
    std::int64_t steps = 0, computed = 0, most = 0;
    for (std::size_t i = 3; i + 20 < tokens.size(); ++i) {
      // As many right ones as it happens, and wrong ones behind them.
      const auto right = static_cast<std::size_t>(rng.below(6)), wrong = static_cast<std::size_t>(rng.below(3));
      std::vector<TokenId> guess(tokens.begin() + static_cast<std::ptrdiff_t>(i) + 1,
                                 tokens.begin() + static_cast<std::ptrdiff_t>(i + 1 + right));
      for (std::size_t k = 0; k < wrong; ++k) guess.push_back((tokens[i + 1 + right + k] + 1) % 19);
      plain.append(tokens[i]);
      const std::int64_t rows = guessing.append(tokens[i], guess);
      steps += rows > 0 ? 1 : 0;
      computed += rows;
      most = std::max(most, rows);
      REQUIRE(guessing.visible() == plain.visible());
      REQUIRE(std::equal(plain.logits().data(), plain.logits().data() + 19, guessing.logits().data()));
    }
    CHECK(most > 4);
    CHECK(computed > steps);
    CHECK(steps < 45);  // of 67 tokens
  }
}

TEST_CASE(
    "a text is the same with and without drafting, greedy and sampled, beyond the context, for any number of threads") {
  for (const double temperature : {0.0, 0.3, 1.0}) {
    std::vector<std::vector<TokenId>> texts;
    for (const auto& [threads, drafting] :
         {std::pair(1, Drafting::off), {1, Drafting::automatic}, {2, Drafting::off}, {2, Drafting::automatic}}) {
      Tiny tiny(threads);
      Decoder decoder(tiny.compute, tiny.parameters);
      Context context(decoder, tiny.config, 16);
      std::vector<TokenId>& all = texts.emplace_back();
      for (std::uint64_t seed = 0; seed < 8; ++seed) {
        context.read(counting(4 + seed));
        Sampler sampler({.repetition_penalty = seed % 2 == 0 ? 1.0 : 1.1, .temperature = temperature}, tiny.allowed,
                        {.seed = seed});
        const Ending ending = run(
            context, sampler, std::vector<TokenId>{static_cast<TokenId>(seed)}, 70,
            [&](TokenId token) {
              all.push_back(token);
              return seed != 3 || token != 5;
            },
            drafting);
        all.push_back(100 + static_cast<TokenId>(ending.reason));
      }
    }
    for (std::size_t i = 1; i < texts.size(); ++i) CHECK(texts[i] == texts[0]);
  }
}

TEST_CASE("texts that are generated together are those that they are alone") {
  std::vector<std::vector<TokenId>> alone(5), together(5);
  Tiny tiny(2);
  Decoder decoder(tiny.compute, tiny.parameters);
  std::vector<Context> contexts;
  std::vector<Sampler> samplers;
  for (std::size_t i = 0; i < alone.size(); ++i) contexts.emplace_back(decoder, tiny.config, 16);
  std::vector<EndReason> reasons;
  for (const bool at_once : {false, true}) {
    samplers.clear();
    for (std::size_t i = 0; i < alone.size(); ++i) {
      contexts[i].read(counting(3 + i));
      samplers.emplace_back(SamplingOptions{.temperature = 1}, tiny.allowed, SampleSeed{.seed = 2, .text = i});
    }
    const std::vector<TokenId> ends = {2};
    std::vector<Generation> generations;
    for (std::size_t i = 0; i < alone.size(); ++i) {
      std::vector<TokenId>& text = (at_once ? together : alone)[i];
      generations.push_back({.context = contexts[i],
                             .sampler = samplers[i],
                             .ends = ends,
                             .max_tokens = 10 * static_cast<std::int64_t>(i),
                             .on_token =
                                 [&text](TokenId token) {
                                   text.push_back(token);
                                   return token != 7;
                                 },
                             .drafting = i % 2 == 0 ? Drafting::automatic : Drafting::off});
    }
    std::vector<Ending> endings;
    if (at_once) {
      endings = generate_all(generations);
    } else {
      for (const Generation& generation : generations) endings.push_back(generate(generation));
    }
    for (const Ending& ending : endings) reasons.push_back(ending.reason);
  }
  CHECK(together == alone);
  CHECK(std::equal(reasons.begin(), reasons.begin() + 5, reasons.begin() + 5));
}
