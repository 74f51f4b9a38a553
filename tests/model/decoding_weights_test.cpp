#include "model/decoding_weights.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <span>
#include <vector>

#include "base/error.h"
#include "model/decode.h"
#include "support/tiny_model.h"
#include "support/worst.h"

using namespace lm;

TEST_CASE("weights packed in their own memory give the bits of copies, and 16-bit ones those of rounded weights") {
  Compute compute(2, best_simd_tier());
  for (const auto& [name, config] : test::all_configs()) {
    CAPTURE(name);
    const auto make = [&, &config = config] {
      Parameters<float> parameters(config);
      test::randomise(parameters, 17, 0.3);
      return parameters;
    };
    const std::vector<TokenId> tokens = test::random_batch(1, config.context_length, config.vocab_size, 18).input;
    const auto logits_of = [&, &config = config](const DecodingWeights& weights) {
      Decoder decoder(compute, weights);
      KVCache cache(config, config.context_length);
      std::vector<float> all;
      const auto keep = [&](TensorView<const float> logits) {
        all.insert(all.end(), logits.data(), logits.data() + logits.size());
      };
      keep(decoder.prefill(cache, std::span(tokens).first(6)));
      for (const TokenId token : std::span(tokens).subspan(6)) keep(decoder.step(cache, token));
      return all;
    };
    const Parameters<float> kept = make();
    std::vector<std::vector<float>> results;
    for (const WeightType type : {WeightType::f32, WeightType::bf16, WeightType::f16}) {
      const DecodingWeights copies(compute, kept, type), own(compute, make(), type);
      results.push_back(logits_of(copies));
      CHECK(results.back() == logits_of(own));
    }
    double bf16 = 0, f16 = 0, scale = 0;
    for (std::size_t i = 0; i < results[0].size(); ++i) {
      bf16 = test::worse(bf16, std::abs(static_cast<double>(results[1][i]) - static_cast<double>(results[0][i])));
      f16 = test::worse(f16, std::abs(static_cast<double>(results[2][i]) - static_cast<double>(results[0][i])));
      scale = std::max(scale, std::abs(static_cast<double>(results[0][i])));
    }
    // Roundings of 2^-9 and 2^-12 in a few layers of random signs.
    CHECK(bf16 > 0);
    CHECK(bf16 < 0.1 * scale);
    CHECK(f16 > 0);
    CHECK(f16 < 0.0125 * scale);
  }
}

TEST_CASE("a weight beyond the halves is refused") {
  Compute compute(1, best_simd_tier());
  Parameters<float> parameters(test::tiny_configs().front().config);
  parameters.layers[1].down(0, 3) = -65520.0f;
  CHECK_THROWS_WITH_AS(DecodingWeights(compute, parameters, WeightType::f16), doctest::Contains("bf16"), Error);
  CHECK_NOTHROW(DecodingWeights(compute, parameters, WeightType::bf16));
}
