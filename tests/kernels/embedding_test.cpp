#include "kernels/embedding.h"

#include "kernels/kernel_support.h"

using namespace lm;
using lm::test::Tensor;

namespace {

std::vector<TokenId> some_ids(std::int64_t rows, std::int64_t vocabulary) {
  std::vector<TokenId> ids;
  for (std::int64_t r = 0; r < rows; ++r) ids.push_back(static_cast<TokenId>(r * r % vocabulary));
  return ids;
}

}  // namespace

TEST_CASE("an embedding is the token's row plus its position's") {
  const std::int64_t rows = 24, period = 8, vocabulary = 11;
  const std::vector<TokenId> ids = some_ids(rows, vocabulary);
  for (const SimdTier tier : lm::test::tiers()) {
    Compute compute(2, tier);
    for (std::int64_t width = 1; width <= 70; ++width) {
      const auto tokens = Tensor<float>::random({vocabulary, width}, 1), positions = Tensor<float>::random({13, width}, 2);
      const auto constant = Tensor<float>::random({width}, 3);
      Tensor<float> y({rows, width}), plain({rows, width}), all({rows, width});
      embedding_forward<float>(compute, y.view(), ids, {tokens.view(), positions.view(), {}}, period, 3);
      embedding_forward<float>(compute, plain.view(), ids, {tokens.view(), {}, {}}, period);
      embedding_forward<float>(compute, all.view(), ids, {tokens.view(), positions.view(), constant.view()}, period, 3);
      bool equal = true;
      for (std::int64_t i = 0; i < rows * width; ++i) {
        const float token = tokens[ids[static_cast<std::size_t>(i / width)] * width + i % width];
        equal = equal && plain[i] == token && y[i] == token + positions[(3 + i / width % period) * width + i % width] &&
                all[i] == y[i] + constant[i % width];
      }
      CHECK(equal);
    }
  }
}

TEST_CASE("an embedding's gradient sums its rows in order, with the same bits for any number of threads") {
  const std::int64_t rows = 60, period = 20, vocabulary = 7, width = 100;
  const std::vector<TokenId> ids = some_ids(rows, vocabulary);
  const auto dy = Tensor<float>::random({rows, width}, 1);
  Tensor<float> dtokens_expected({vocabulary, width}), dpositions_expected({period, width}), dconstant_expected({width});
  for (std::int64_t i = 0; i < rows * width; ++i) {
    dtokens_expected[ids[static_cast<std::size_t>(i / width)] * width + i % width] += dy[i];
    dpositions_expected[i / width % period * width + i % width] += dy[i];
    dconstant_expected[i % width] += dy[i];
  }
  for (const int threads : {1, 2, 3}) {
    Compute compute(threads, best_simd_tier());
    Tensor<float> dtokens({vocabulary, width}), dpositions({period, width}), dconstant({width});
    embedding_backward<float>(compute, {dtokens.view(), dpositions.view(), dconstant.view()}, dy.view(), ids, period);
    CHECK(dtokens.values == dtokens_expected.values);
    CHECK(dconstant.values == dconstant_expected.values);
    CHECK(dpositions.values == dpositions_expected.values);
  }
}
