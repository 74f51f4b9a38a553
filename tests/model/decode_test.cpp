#include "model/decode.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/error.h"
#include "model/activations.h"
#include "model/transformer.h"
#include "support/tiny_model.h"
#include "support/worst.h"

using namespace lm;

namespace {

/// Keeps every row of logits.
class KeepPromptLogits : public RowSink<float> {
 public:
  KeepPromptLogits(std::int64_t rows, std::int64_t vocab_size) : values(static_cast<std::size_t>(rows * vocab_size)) {}
  void consume(std::span<const std::int64_t> rows, TensorView<float> logits) override {
    const std::int64_t vocab_size = logits.columns();
    for (std::size_t i = 0; i < rows.size(); ++i) {
      std::copy_n(logits.row(static_cast<std::int64_t>(i)), vocab_size, values.begin() + rows[i] * vocab_size);
    }
  }
  std::vector<float> values;
};

std::vector<float> full_forward(Compute& compute, const Parameters<float>& parameters, const std::vector<TokenId>& tokens,
                                std::int64_t prefix_length = 0) {
  Batch batch;
  batch.sequences = 1;
  batch.length = static_cast<std::int64_t>(tokens.size());
  batch.input = tokens;
  batch.target = tokens;
  batch.weight.assign(tokens.size(), 1.0f);
  if (prefix_length > 0) batch.prefix_length = {prefix_length};
  Activations<float> activations(parameters.config(), 1, batch.length, Keep::scoring);
  KeepPromptLogits sink(batch.length, parameters.config().vocab_size);
  Transformer<float>(compute, parameters).score(batch, activations, sink);
  return sink.values;
}

std::vector<TokenId> random_tokens(std::int64_t count, std::int64_t vocab_size, std::uint64_t seed) {
  return test::random_batch(1, count, vocab_size, seed).input;
}

/// Largest difference of row `row` from `logits`, over the logits' largest magnitude.
double difference(const std::vector<float>& full, std::int64_t row, TensorView<const float> logits) {
  double largest = 0;
  double scale = 0;
  for (std::int64_t i = 0; i < logits.size(); ++i) {
    const auto expected = static_cast<double>(full[static_cast<std::size_t>(row * logits.size() + i)]);
    largest = test::worse(largest, std::abs(expected - static_cast<double>(logits[i])));
    scale = std::max(scale, std::abs(expected));
  }
  return largest / scale;
}

// Float products summed in another order: a few hundred additions and two layers.
constexpr double kTolerance = 1e-4;

}  // namespace

TEST_CASE("a context of a thousand million positions takes no memory before it is read, and changes no bit") {
  Compute compute(2, best_simd_tier());
  for (const auto& [name, config] : test::all_configs()) {
    if (config.positions != Positions::rotary) continue;
    CAPTURE(name);
    ModelConfig shorter = config, longer = config;
    shorter.context_length = 300;  // above the block for which there are tables at first
    longer.context_length = std::int64_t{1} << 30;
    Parameters<float> weights(shorter);
    test::randomise(weights, 5, 0.3);
    Parameters<float> same(longer);
    std::copy_n(weights.flat().data(), weights.flat().size(), same.flat().data());
    Decoder small(compute, weights), large(compute, same);
    KVCache cache(shorter, shorter.context_length), other(longer, shorter.context_length);
    const std::vector<TokenId> tokens = random_tokens(shorter.context_length, config.vocab_size, 3);
    for (const TokenId token : tokens) {
      const TensorView<const float> logits = small.step(cache, token), again = large.step(other, token);
      REQUIRE(std::equal(logits.data(), logits.data() + logits.size(), again.data()));
    }
  }
}

TEST_CASE("a step for each token gives the logits of the full forward") {
  Compute compute(2, best_simd_tier());
  for (const auto& [name, config] : test::all_configs()) {
    CAPTURE(name);
    Parameters<float> parameters(config);
    test::randomise(parameters, 1, 0.3);
    const std::vector<TokenId> tokens = random_tokens(config.context_length, config.vocab_size, 2);
    const std::vector<float> full = full_forward(compute, parameters, tokens);
    Decoder decoder(compute, parameters);
    KVCache cache(config, config.context_length);
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      CHECK(difference(full, static_cast<std::int64_t>(i), decoder.step(cache, tokens[i])) < kTolerance);
    }
  }
}

TEST_CASE("reading a prompt in any two parts gives the logits of the full forward") {
  Compute compute(2, best_simd_tier());
  for (const auto& [name, config] : test::all_configs()) {
    CAPTURE(name);
    Parameters<float> parameters(config);
    test::randomise(parameters, 3, 0.3);
    const std::vector<TokenId> tokens = random_tokens(config.context_length, config.vocab_size, 4);
    const std::vector<float> full = full_forward(compute, parameters, tokens);
    Decoder decoder(compute, parameters);
    KVCache cache(config, config.context_length);
    const std::span<const TokenId> all = tokens;
    for (std::size_t cut = 1; cut < tokens.size(); ++cut) {
      cache.truncate(0);
      CHECK(difference(full, static_cast<std::int64_t>(cut) - 1, decoder.prefill(cache, all.first(cut))) < kTolerance);
      CHECK(difference(full, config.context_length - 1, decoder.prefill(cache, all.subspan(cut))) < kTolerance);
    }
  }
}

TEST_CASE("a prompt longer than a block is read as if at once, with windows too") {
  Compute compute(2, best_simd_tier());
  for (const std::int64_t window : {0, 4, 90, 300}) {
    CAPTURE(window);
    ModelConfig config = test::tiny_configs().back().config;
    config.context_length = 700;
    if (window > 0) config.layer_shapes = {{.window = window}, {}};
    Parameters<float> parameters(config);
    test::randomise(parameters, 5, 0.3);
    const std::vector<TokenId> tokens = random_tokens(config.context_length, config.vocab_size, 6);
    Decoder decoder(compute, parameters);
    KVCache cache(config, config.context_length);
    const std::vector<float> full = full_forward(compute, parameters, tokens);
    CHECK(difference(full, config.context_length - 1, decoder.prefill(cache, tokens)) < kTolerance);
    // A prefix seen in both directions has to be read at once, however long.
    const std::int64_t prefix_length = 600;
    const std::vector<float> prefixed = full_forward(compute, parameters, tokens, prefix_length);
    KVCache whole(config, config.context_length, prefix_length);
    CHECK(difference(prefixed, config.context_length - 1, decoder.prefill(whole, tokens, prefix_length)) < kTolerance);
    CHECK(difference(full, config.context_length - 1,
                     TensorView<const float>(prefixed.data() + (config.context_length - 1) * config.vocab_size,
                                             config.vocab_size)) > kTolerance);
    // After that a prompt has the bits that a new decoder gives it.
    cache.truncate(0);
    const TensorView<const float> again = decoder.prefill(cache, tokens);
    Decoder fresh(compute, parameters);
    cache.truncate(0);
    const TensorView<const float> first = fresh.prefill(cache, tokens);
    CHECK(std::equal(again.data(), again.data() + again.size(), first.data()));
  }
}

TEST_CASE("a layer's window is kept while tokens come one by one, and a cache says what it has forgotten") {
  Compute compute(2, best_simd_tier());
  ModelConfig config = test::tiny_configs().back().config;
  config.context_length = 700;
  config.layer_shapes = {{.window = 20}, {}};
  Parameters<float> parameters(config);
  test::randomise(parameters, 5, 0.3);
  const std::vector<TokenId> tokens = random_tokens(config.context_length, config.vocab_size, 6);
  const std::span<const TokenId> all = tokens;
  const std::vector<float> full = full_forward(compute, parameters, tokens);
  Decoder decoder(compute, parameters);
  KVCache cache(config, config.context_length);
  decoder.prefill(cache, all.first(100));
  // It still has all that is needed to go back a little, and not to the beginning once rows were moved.
  CHECK(cache.truncate(95) == 95);
  for (std::int64_t place = 95; place < 700; ++place) {
    const TensorView<const float> logits = decoder.step(cache, tokens[static_cast<std::size_t>(place)]);
    if (place % 50 == 0 || place > 690) CHECK(difference(full, place, logits) < kTolerance);
  }
  KVCache copy(config, config.context_length);
  copy.copy_from(cache);
  CHECK(copy.truncate(690) == 690);
  CHECK(difference(full, 699, decoder.prefill(copy, all.subspan(690))) < kTolerance);
  CHECK(cache.truncate(150) == 0);
  CHECK(cache.length() == 0);
  CHECK(difference(full, 299, decoder.prefill(cache, all.first(300))) < kTolerance);
}

TEST_CASE("a later token never changes an earlier logit") {
  Compute compute(2, best_simd_tier());
  for (const auto& [name, config] : test::all_configs()) {
    CAPTURE(name);
    Parameters<float> parameters(config);
    test::randomise(parameters, 7, 0.3);
    std::vector<TokenId> tokens = random_tokens(config.context_length, config.vocab_size, 8);
    const std::vector<float> before = full_forward(compute, parameters, tokens);
    const std::size_t changed = tokens.size() / 2;
    tokens[changed] = (tokens[changed] + 1) % static_cast<TokenId>(config.vocab_size);
    const std::vector<float> after = full_forward(compute, parameters, tokens);
    const auto border = static_cast<std::ptrdiff_t>(changed) * config.vocab_size;
    CHECK(std::equal(before.begin(), before.begin() + border, after.begin()));
    CHECK_FALSE(std::equal(before.begin() + border, before.end(), after.begin() + border));
  }
}

TEST_CASE("decoding gives the same bits for any number of threads") {
  const ModelConfig config = test::tiny_configs().back().config;
  Parameters<float> parameters(config);
  test::randomise(parameters, 9, 0.3);
  const std::vector<TokenId> tokens = random_tokens(config.context_length, config.vocab_size, 10);
  std::vector<std::vector<float>> results;
  for (const int threads : {1, 2, 3}) {
    Compute compute(threads, best_simd_tier());
    Decoder decoder(compute, parameters);
    KVCache cache(config, config.context_length);
    std::vector<float>& result = results.emplace_back();
    const std::span<const TokenId> all = tokens;
    const auto keep = [&](TensorView<const float> logits) {
      result.insert(result.end(), logits.data(), logits.data() + logits.size());
    };
    keep(decoder.prefill(cache, all.first(7)));
    for (const TokenId token : all.subspan(7)) keep(decoder.step(cache, token));
  }
  CHECK(results[0] == results[1]);
  CHECK(results[0] == results[2]);
}

TEST_CASE(
    "generated tokens have the same bits alone, with others of their sequence and with other sequences, for any threads") {
  for (const auto& [name, config] : test::all_configs()) {
    CAPTURE(name);
    Parameters<float> parameters(config);
    test::randomise(parameters, 13, 0.3);
    const std::int64_t length = config.context_length, vocab_size = config.vocab_size;
    const std::vector<TokenId> tokens = random_tokens(length, vocab_size, 14),
                               others = random_tokens(length, vocab_size, 15);
    std::vector<float> alone, other_alone;
    const auto keep = [](std::vector<float>& all, TensorView<const float> logits) {
      all.insert(all.end(), logits.data(), logits.data() + logits.size());
    };
    {
      Compute compute(1, best_simd_tier());
      Decoder decoder(compute, parameters);
      KVCache cache(config, length), other(config, length);
      for (const TokenId token : tokens) keep(alone, decoder.step(cache, token));
      keep(other_alone, decoder.prefill(other, std::span(others).first(5)));
      for (const TokenId token : std::span(others).subspan(5)) keep(other_alone, decoder.step(other, token));
    }
    for (const int threads : {1, 2, 3, 5}) {
      Compute compute(threads, best_simd_tier());
      Decoder decoder(compute, parameters);
      KVCache cache(config, length), other(config, length);
      decoder.prefill(other, std::span(others).first(5));
      std::int64_t read = 0, other_read = 5;
      for (const std::int64_t count : {1, 4, 2, 7, 1, 1}) {
        const std::int64_t other_count = std::min<std::int64_t>(count % 3, length - other_read);
        // Guesses that turned out wrong are forgotten.
        std::vector<TokenId> wrong(3, 1);
        if (read + 3 <= length) {
          std::vector<float> unused(static_cast<std::size_t>(3 * vocab_size));
          const Continuation guess{&cache, wrong};
          decoder.generate({&guess, 1}, {unused.data(), 3, vocab_size});
          REQUIRE(cache.truncate(read) == read);
        }
        std::vector<Continuation> inputs = {
            {&cache, std::span(tokens).subspan(static_cast<std::size_t>(read), static_cast<std::size_t>(count))}};
        if (other_count > 0)
          inputs.push_back({&other, std::span(others).subspan(static_cast<std::size_t>(other_read),
                                                              static_cast<std::size_t>(other_count))});
        std::vector<float> logits(static_cast<std::size_t>((count + other_count) * vocab_size));
        decoder.generate(inputs, {logits.data(), count + other_count, vocab_size});
        CHECK(std::equal(logits.begin(), logits.begin() + count * vocab_size, alone.begin() + read * vocab_size));
        CHECK(std::equal(logits.begin() + count * vocab_size, logits.end(),
                         other_alone.begin() + (other_read - 4) * vocab_size));
        read += count;
        other_read += other_count;
      }
      CHECK(read == length);
    }
  }
}

TEST_CASE("more tokens than a step takes are read in several, with the same bits") {
  Compute compute(2, best_simd_tier());
  ModelConfig config = test::tiny_configs().back().config;
  config.context_length = 60;
  Parameters<float> parameters(config);
  test::randomise(parameters, 13, 0.3);
  const std::vector<TokenId> tokens = random_tokens(45, config.vocab_size, 14);
  Decoder decoder(compute, parameters);
  KVCache one(config, 60), all(config, 60);
  std::vector<float> logits(static_cast<std::size_t>(45 * config.vocab_size));
  const Continuation input{&all, tokens};
  decoder.generate({&input, 1}, {logits.data(), 45, config.vocab_size});
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    const TensorView<const float> expected = decoder.step(one, tokens[i]);
    CHECK(std::equal(expected.data(), expected.data() + expected.size(),
                     logits.begin() + static_cast<std::ptrdiff_t>(i) * config.vocab_size));
  }
}

TEST_CASE(
    "a cache of fewer bits changes logits a little, and the same ones for prompts in parts, guesses, copies and any "
    "threads") {
  for (const auto& [name, config] : test::all_configs()) {
    CAPTURE(name);
    Parameters<float> parameters(config);
    test::randomise(parameters, 19, 0.3);
    const std::int64_t length = config.context_length;
    const std::vector<TokenId> tokens = random_tokens(length, config.vocab_size, 20);
    const auto logits_of = [&, &config = config](CacheType type, int threads, std::int64_t together) {
      Compute compute(threads, best_simd_tier());
      Decoder decoder(compute, parameters);
      KVCache cache(config, length, KVCache::kUsualBlock, type), copy(config, length, KVCache::kUsualBlock, type);
      std::vector<float> all(static_cast<std::size_t>((length - 5) * config.vocab_size));
      decoder.prefill(cache, std::span(tokens).first(5));
      copy.copy_from(cache);
      for (std::int64_t at = 5; at < length; at += together) {
        const std::int64_t count = std::min(together, length - at);
        const Continuation input{&copy,
                                 std::span(tokens).subspan(static_cast<std::size_t>(at), static_cast<std::size_t>(count))};
        decoder.generate({&input, 1}, {all.data() + (at - 5) * config.vocab_size, count, config.vocab_size});
      }
      return all;
    };
    const std::vector<float> exact = logits_of(CacheType::f32, 1, 1);
    double scale = 0;
    for (const float logit : exact) scale = std::max(scale, std::abs(static_cast<double>(logit)));
    // Roundings of 2^-12, 2^-9 and 2^-8 of keys and values, in a few layers.
    for (const auto& [type, tolerance] :
         {std::pair(CacheType::f16, 0.005), {CacheType::bf16, 0.05}, {CacheType::q8_0, 0.05}}) {
      CAPTURE(to_string(type));
      const std::vector<float> logits = logits_of(type, 1, 1);
      CHECK(logits == logits_of(type, 3, 4));
      double worst = 0;
      for (std::size_t i = 0; i < logits.size(); ++i)
        worst = test::worse(worst, std::abs(static_cast<double>(logits[i]) - static_cast<double>(exact[i])));
      CHECK(worst > 0);
      CHECK(worst < tolerance * scale);
    }
  }
}

TEST_CASE("a copied cache continues like the one that it was copied from, no matter what that one reads next") {
  Compute compute(1, best_simd_tier());
  const ModelConfig config = test::tiny_configs().front().config;
  Parameters<float> parameters(config);
  test::randomise(parameters, 11, 0.3);
  const std::vector<TokenId> tokens = random_tokens(9, config.vocab_size, 12);
  Decoder decoder(compute, parameters);
  KVCache first(config, 16);
  KVCache second(config, 12);
  decoder.prefill(first, tokens);
  second.copy_from(first);
  decoder.step(first, 3);
  first.truncate(9);
  const TensorView<const float> from_first = decoder.step(first, 5);
  const std::vector<float> expected(from_first.data(), from_first.data() + from_first.size());
  const TensorView<const float> from_second = decoder.step(second, 5);
  CHECK(std::equal(expected.begin(), expected.end(), from_second.data()));
}

TEST_CASE("tokens that do not fit, and ids beyond the vocabulary, are refused") {
  Compute compute(1, best_simd_tier());
  const ModelConfig config = test::tiny_configs().front().config;
  Parameters<float> parameters(config);
  Decoder decoder(compute, parameters);
  KVCache cache(config, 4);
  CHECK_THROWS_AS(decoder.prefill(cache, std::vector<TokenId>(5, 0)), Error);
  CHECK_THROWS_AS(decoder.step(cache, static_cast<TokenId>(config.vocab_size)), Error);
  decoder.prefill(cache, std::vector<TokenId>(4, 0));
  CHECK_THROWS_AS(decoder.step(cache, 0), Error);
  CHECK(cache.length() == 4);
}
