#include "kernels/attention.h"

#include "kernels/kernel_support.h"

using namespace lm;
using lm::test::Tensor;

namespace {

struct Case {
  std::int64_t batch = 1, queries = 1, keys = 1, heads = 1, kv_heads = 1, width = 1;
  std::vector<std::int64_t> prefix = {};
  std::vector<std::int32_t> document = {};
  std::int64_t window = 0;
  double cap = 0;
  AttentionOptions options(Precision precision = Precision::fp32) const {
    return {.scale = scale(), .cap = cap, .precision = precision};
  }
  double scale() const { return 1 / std::sqrt(static_cast<double>(width)); }
  Visibility visibility() const { return {.prefix_length = prefix, .document = document, .window = window}; }
  bool sees(std::int64_t b, std::int64_t p, std::int64_t j) const {
    const auto at = [&](std::int64_t i) { return document.empty() ? 0 : document[static_cast<std::size_t>(b * keys + i)]; };
    const std::int64_t length = prefix.empty() ? 0 : prefix[static_cast<std::size_t>(b)];
    return at(p) == at(j) && (j <= p || j < length) && (window == 0 || std::abs(p - j) < window);
  }
};

/// q, k, v, dout in one place, with q, k and v as column ranges of one fused product when `fused`.
template <class T>
struct Inputs {
  Tensor<T> q, k, v, dout;
  explicit Inputs(const Case& c)
      : q(Tensor<T>::random({c.batch, c.queries, c.heads, c.width}, 1)),
        k(Tensor<T>::random({c.batch, c.keys, c.kv_heads, c.width}, 2)),
        v(Tensor<T>::random({c.batch, c.keys, c.kv_heads, c.width}, 3)),
        dout(Tensor<T>::random({c.batch, c.queries, c.heads, c.width}, 4)) {}
  AttentionInputs<T> views() const { return {q.view(), k.view(), v.view()}; }
};

struct Results {
  Tensor<double> out, log_sum_exp, dq, dk, dv;
};

/// Computes the formula, term by term, in double.
Results reference(const Case& c, const Tensor<double>& q, const Tensor<double>& k, const Tensor<double>& v,
                  const Tensor<double>& dout) {
  Results r{Tensor<double>(q.shape), Tensor<double>({c.batch, c.heads, c.queries}), Tensor<double>(q.shape),
            Tensor<double>(k.shape), Tensor<double>(v.shape)};
  for (std::int64_t b = 0; b < c.batch; ++b) {
    for (std::int64_t h = 0; h < c.heads; ++h) {
      const std::int64_t kv = h / (c.heads / c.kv_heads);
      for (std::int64_t t = 0; t < c.queries; ++t) {
        const std::int64_t p = c.keys - c.queries + t;
        const std::int64_t at_q = ((b * c.queries + t) * c.heads + h) * c.width;
        const auto at_k = [&](std::int64_t j) { return ((b * c.keys + j) * c.kv_heads + kv) * c.width; };
        std::vector<double> weights(static_cast<std::size_t>(c.keys)), slopes(static_cast<std::size_t>(c.keys));
        double sum = 0;
        for (std::int64_t j = 0; j < c.keys; ++j) {
          if (!c.sees(b, p, j)) continue;
          double score = 0;
          for (std::int64_t d = 0; d < c.width; ++d) score += q[at_q + d] * k[at_k(j) + d];
          const double tangent = c.cap == 0 ? 0 : std::tanh(c.scale() * score / c.cap);
          slopes[static_cast<std::size_t>(j)] = c.scale() * (1 - tangent * tangent);
          sum += weights[static_cast<std::size_t>(j)] = std::exp(c.cap == 0 ? c.scale() * score : c.cap * tangent);
        }
        r.log_sum_exp[(b * c.heads + h) * c.queries + t] = std::log(sum);
        double delta = 0;
        std::vector<double> dweights(static_cast<std::size_t>(c.keys));
        for (std::int64_t j = 0; j < c.keys; ++j) {
          double& weight = weights[static_cast<std::size_t>(j)];
          weight /= sum;
          for (std::int64_t d = 0; d < c.width; ++d) {
            r.out[at_q + d] += weight * v[at_k(j) + d];
            r.dv[at_k(j) + d] += weight * dout[at_q + d];
            dweights[static_cast<std::size_t>(j)] += v[at_k(j) + d] * dout[at_q + d];
          }
          delta += weight * dweights[static_cast<std::size_t>(j)];
        }
        for (std::int64_t j = 0; j < c.keys; ++j) {
          const double ds = slopes[static_cast<std::size_t>(j)] * weights[static_cast<std::size_t>(j)] *
                            (dweights[static_cast<std::size_t>(j)] - delta);
          for (std::int64_t d = 0; d < c.width; ++d) {
            r.dq[at_q + d] += ds * k[at_k(j) + d];
            r.dk[at_k(j) + d] += ds * q[at_q + d];
          }
        }
      }
    }
  }
  return r;
}

template <class T>
void check_case(Compute& compute, const Case& c, double tolerance, Precision precision = Precision::fp32) {
  CAPTURE(c.queries);
  CAPTURE(c.keys);
  CAPTURE(c.width);
  CAPTURE(to_string(compute.simd()));
  CAPTURE(to_string(precision));
  const Inputs<T> in(c);
  const Results expected = reference(c, in.q.template as<double>(), in.k.template as<double>(), in.v.template as<double>(),
                                     in.dout.template as<double>());
  Tensor<T> out(in.q.shape), log_sum_exp({c.batch, c.heads, c.queries});
  attention_forward<T>(compute, {out.view(), log_sum_exp.view()}, in.views(), c.visibility(), c.options(precision));
  CHECK(lm::test::distance(out.values, expected.out.values) < tolerance);
  CHECK(lm::test::distance(log_sum_exp.values, expected.log_sum_exp.values) < tolerance);
  if (c.queries == 1 && precision == Precision::fp32) {
    Tensor<T> decoded({c.heads, c.width});
    for (std::int64_t b = 0; b < c.batch && c.prefix.empty() && c.document.empty() && c.window == 0; ++b) {
      Tensor<double> row({c.heads * c.width});
      std::copy_n(expected.out.values.begin() + b * c.heads * c.width, c.heads * c.width, row.values.begin());
      const T* q = &in.q.view()(b, 0, 0, 0);
      attention_decode<T>(compute, decoded.view(), {q, c.heads, c.width},
                          {&in.k.view()(b, 0, 0, 0), c.keys, c.kv_heads, c.width},
                          {&in.v.view()(b, 0, 0, 0), c.keys, c.kv_heads, c.width}, c.options());
      CHECK(lm::test::distance(decoded.values, row.values) < tolerance);
    }
  }
  if (c.queries != c.keys) return;
  // Gradients overwrite what is there, or add to it.
  Tensor<T> dq(in.q.shape), dk(in.k.shape), dv(in.v.shape);
  for (Tensor<T>* used : {&dq, &dk, &dv}) std::fill(used->values.begin(), used->values.end(), T{7});
  for (const Write write : {Write::overwrite, Write::add}) {
    attention_backward<T>(compute, {dq.view(), dk.view(), dv.view()}, in.dout.view(), {out.view(), log_sum_exp.view()},
                          in.views(), c.visibility(), c.options(precision), write);
  }
  const auto halved_distance = [](std::vector<T> twice, const std::vector<double>& once) {
    for (T& value : twice) value /= 2;
    return lm::test::distance(twice, once);
  };
  CHECK(halved_distance(dv.values, expected.dv.values) < tolerance);
  // A lone visible key has weight 1 and no gradient through the score: only roundings are left to compare.
  if (c.keys > 1 && c.window != 1) {
    CHECK(halved_distance(dq.values, expected.dq.values) < tolerance);
    CHECK(halved_distance(dk.values, expected.dk.values) < tolerance);
  }
}

std::vector<std::int32_t> documents(std::initializer_list<std::pair<std::int32_t, int>> runs) {
  std::vector<std::int32_t> all;
  for (const auto& [document, length] : runs) all.insert(all.end(), static_cast<std::size_t>(length), document);
  return all;
}

std::vector<Case> cases() {
  std::vector<Case> all;
  for (std::int64_t n = 1; n <= 40; ++n) {
    all.push_back({.queries = n, .keys = n, .width = 1 + n * 7 % 40});
    all.push_back({.queries = 1 + n * 5 % 17, .keys = 20 + n, .heads = 2, .kv_heads = 1, .width = n});
  }
  for (const std::int64_t n : {63, 64, 65, 100, 128, 150, 200})
    all.push_back({.batch = 2, .queries = n, .keys = n, .heads = 2, .kv_heads = 2, .width = 32});
  for (const std::int64_t width : {8, 16, 24, 48, 64, 80, 128})
    all.push_back({.queries = 70, .keys = 70, .heads = 4, .kv_heads = 2, .width = width});
  all.push_back({.batch = 2, .queries = 1, .keys = 300, .heads = 6, .kv_heads = 2, .width = 32});
  all.push_back({.batch = 3, .queries = 130, .keys = 130, .heads = 2, .kv_heads = 1, .width = 16, .prefix = {0, 77, 130}});
  all.push_back({.batch = 2, .queries = 90, .keys = 170, .heads = 2, .kv_heads = 1, .width = 16, .prefix = {120, 3}});
  all.push_back({.batch = 2,
                 .queries = 140,
                 .keys = 140,
                 .heads = 2,
                 .kv_heads = 1,
                 .width = 16,
                 .document = documents({{0, 20}, {1, 70}, {2, 50}, {0, 1}, {1, 99}, {2, 40}})});
  all.push_back({.batch = 1,
                 .queries = 80,
                 .keys = 160,
                 .heads = 1,
                 .kv_heads = 1,
                 .width = 16,
                 .document = documents({{0, 100}, {1, 20}, {2, 40}})});
  // So many keys that sums over them are cut into parts, from the first on and from one beyond a part's length on.
  all.push_back({.batch = 1, .queries = 1100, .keys = 1100, .heads = 2, .kv_heads = 1, .width = 6});
  all.push_back({.batch = 1, .queries = 1200, .keys = 1200, .width = 6, .document = documents({{0, 560}, {1, 640}})});
  // Documents that come back, and bidirectional windows of documents with padding behind.
  all.push_back(
      {.batch = 1, .queries = 150, .keys = 150, .width = 16, .document = documents({{3, 40}, {1, 40}, {3, 30}, {2, 40}})});
  all.push_back({.batch = 2,
                 .queries = 100,
                 .keys = 100,
                 .heads = 2,
                 .kv_heads = 2,
                 .width = 24,
                 .prefix = {100, 60},
                 .document = documents({{0, 30}, {1, 50}, {2, 20}, {0, 90}, {1, 10}})});
  return all;
}

}  // namespace

TEST_CASE("attention and its gradients agree with the formula on every tier, for every kind of visibility") {
  for (const SimdTier tier : lm::test::tiers()) {
    Compute compute(2, tier);
    for (const Case& c : cases()) {
      check_case<float>(compute, c, lm::test::kFloatTolerance);
      check_case<double>(compute, c, 1e-11);
    }
  }
}

TEST_CASE("attention with 16-bit factors agrees with the formula within their rounding, whatever the threads") {
  for (const Precision precision : lm::test::half_precisions()) {
    Compute one(1, best_simd_tier()), three(3, best_simd_tier());
    // Weights and their gradients are made of rounded factors, and rounded again; with few keys gradients nearly cancel, and
    // what the CPU's own instructions round of partial sums in fp16 weighs more.
    for (const Case& c : cases()) {
      const double tolerance = precision == Precision::bf16 ? 0.03 : c.keys <= 4 ? 0.012 : 0.006;
      check_case<float>(three, c, tolerance, precision);
    }
    const Case c{.batch = 3, .queries = 131, .keys = 131, .heads = 4, .kv_heads = 2, .width = 40};
    const Inputs<float> in(c);
    std::vector<std::vector<float>> results;
    for (Compute* compute : {&one, &three}) {
      Tensor<float> out(in.q.shape), log_sum_exp({c.batch, c.heads, c.queries}), dq(in.q.shape), dk(in.k.shape),
          dv(in.v.shape);
      attention_forward<float>(*compute, {out.view(), log_sum_exp.view()}, in.views(), {}, c.options(precision));
      attention_backward<float>(*compute, {dq.view(), dk.view(), dv.view()}, in.dout.view(),
                                {out.view(), log_sum_exp.view()}, in.views(), {}, c.options(precision));
      std::vector<float> all = out.values;
      for (const Tensor<float>* more : {&log_sum_exp, &dq, &dk, &dv})
        all.insert(all.end(), more->values.begin(), more->values.end());
      results.push_back(std::move(all));
    }
    CHECK(results[0] == results[1]);
  }
}

TEST_CASE("attention's gradients agree with central differences") {
  Compute compute(1, best_simd_tier());
  const std::vector<Case> small = {
      {.batch = 2, .queries = 5, .keys = 5, .heads = 2, .kv_heads = 1, .width = 3, .prefix = {0, 4}},
      {.batch = 1, .queries = 9, .keys = 9, .heads = 2, .kv_heads = 2, .width = 2, .document = documents({{0, 4}, {1, 5}})},
      {.batch = 1, .queries = 7, .keys = 7, .heads = 1, .kv_heads = 1, .width = 5, .prefix = {7}},
  };
  for (const Case& c : small) {
    Inputs<double> in(c);
    Tensor<double> out(in.q.shape), log_sum_exp({c.batch, c.heads, c.queries}), dq(in.q.shape), dk(in.k.shape),
        dv(in.v.shape);
    const auto loss = [&] {
      attention_forward<double>(compute, {out.view(), log_sum_exp.view()}, in.views(), c.visibility(), {c.scale()});
      return lm::test::project(out.values, in.dout.values);
    };
    loss();
    attention_backward<double>(compute, {dq.view(), dk.view(), dv.view()}, in.dout.view(), {out.view(), log_sum_exp.view()},
                               in.views(), c.visibility(), {c.scale()});
    lm::test::check_gradient("dq", in.q, dq.values, loss);
    lm::test::check_gradient("dk", in.k, dk.values, loss);
    lm::test::check_gradient("dv", in.v, dv.values, loss);
  }
}

TEST_CASE("attention reads and writes column ranges of one fused product") {
  const std::int64_t batch = 2, time = 70, heads = 4, kv_heads = 2, width = 16, columns = (heads + 2 * kv_heads) * width;
  const Case c{.batch = batch, .queries = time, .keys = time, .heads = heads, .kv_heads = kv_heads, .width = width};
  Compute compute(2, best_simd_tier());
  Tensor<float> qkv({batch * time, columns}), dqkv({batch * time, columns});
  const Inputs<float> in(c);
  const auto q_of = [&](TensorView<float> m) { return m.columns(0, heads * width).split_columns(heads).split_rows(batch); };
  const auto k_of = [&](TensorView<float> m) {
    return m.columns(heads * width, kv_heads * width).split_columns(kv_heads).split_rows(batch);
  };
  const auto v_of = [&](TensorView<float> m) {
    return m.columns((heads + kv_heads) * width, kv_heads * width).split_columns(kv_heads).split_rows(batch);
  };
  const auto copy_into = [](TensorView<float> to, TensorView<const float> from) {
    for (std::int64_t b = 0; b < to.dim(0); ++b)
      for (std::int64_t t = 0; t < to.dim(1); ++t)
        for (std::int64_t h = 0; h < to.dim(2); ++h)
          for (std::int64_t d = 0; d < to.dim(3); ++d) to(b, t, h, d) = from(b, t, h, d);
  };
  copy_into(q_of(qkv.view()), in.q.view());
  copy_into(k_of(qkv.view()), in.k.view());
  copy_into(v_of(qkv.view()), in.v.view());
  const Results expected = reference(c, in.q.as<double>(), in.k.as<double>(), in.v.as<double>(), in.dout.as<double>());
  Tensor<float> out(in.q.shape), log_sum_exp({batch, heads, time});
  const AttentionInputs<float> inputs{q_of(qkv.view()), k_of(qkv.view()), v_of(qkv.view())};
  attention_forward<float>(compute, {out.view(), log_sum_exp.view()}, inputs, {}, {c.scale()});
  CHECK(lm::test::distance(out.values, expected.out.values) < lm::test::kFloatTolerance);
  attention_backward<float>(compute, {q_of(dqkv.view()), k_of(dqkv.view()), v_of(dqkv.view())}, in.dout.view(),
                            {out.view(), log_sum_exp.view()}, inputs, {}, {c.scale()});
  Tensor<float> dq(in.q.shape), dk(in.k.shape), dv(in.v.shape);
  copy_into(dq.view(), q_of(dqkv.view()));
  copy_into(dk.view(), k_of(dqkv.view()));
  copy_into(dv.view(), v_of(dqkv.view()));
  CHECK(lm::test::distance(dq.values, expected.dq.values) < lm::test::kFloatTolerance);
  CHECK(lm::test::distance(dk.values, expected.dk.values) < lm::test::kFloatTolerance);
  CHECK(lm::test::distance(dv.values, expected.dv.values) < lm::test::kFloatTolerance);
}

TEST_CASE("a later token never changes an earlier result, bit by bit") {
  for (const SimdTier tier : lm::test::tiers()) {
    Compute compute(1, tier);
    const Case c{.queries = 150, .keys = 150, .heads = 2, .kv_heads = 1, .width = 32};
    Inputs<float> in(c);
    Tensor<float> out(in.q.shape), changed(in.q.shape);
    attention_forward<float>(compute, {out.view(), {}}, in.views(), {}, {c.scale()});
    const std::int64_t at = 101;
    for (std::int64_t i = at * c.kv_heads * c.width; i < c.keys * c.kv_heads * c.width; ++i) {
      in.k[i] = 50;
      in.v[i] = -3;
    }
    attention_forward<float>(compute, {changed.view(), {}}, in.views(), {}, {c.scale()});
    CHECK(std::equal(out.values.begin(), out.values.begin() + at * c.heads * c.width, changed.values.begin()));
    CHECK(out.values != changed.values);
  }
}

TEST_CASE("attention has the same bits for any number of threads") {
  const Case c{.batch = 2, .queries = 150, .keys = 150, .heads = 4, .kv_heads = 2, .width = 24, .prefix = {40, 0}};
  const Inputs<float> in(c);
  for (const SimdTier tier : lm::test::tiers()) {
    std::vector<std::vector<float>> results;
    for (const int threads : {1, 2, 3}) {
      Compute compute(threads, tier);
      Tensor<float> out(in.q.shape), log_sum_exp({c.batch, c.heads, c.queries}), dq(in.q.shape), dk(in.k.shape),
          dv(in.v.shape);
      attention_forward<float>(compute, {out.view(), log_sum_exp.view()}, in.views(), c.visibility(), {c.scale()});
      attention_backward<float>(compute, {dq.view(), dk.view(), dv.view()}, in.dout.view(), {out.view(), log_sum_exp.view()},
                                in.views(), c.visibility(), {c.scale()});
      std::vector<float> all = out.values;
      for (const auto* part : {&log_sum_exp.values, &dq.values, &dk.values, &dv.values})
        all.insert(all.end(), part->begin(), part->end());
      results.push_back(all);
    }
    CHECK(results[0] == results[1]);
    CHECK(results[0] == results[2]);
  }
}

TEST_CASE(
    "windows and caps: forward and backward are the formula, with prefixes, documents and cached keys, in every tier") {
  for (const SimdTier tier : lm::test::tiers()) {
    Compute compute(2, tier);
    for (const std::int64_t window : {1, 2, 7, 40, 64, 200}) {
      for (const double cap : {0.0, 1.5}) {
        CAPTURE(window);
        CAPTURE(cap);
        const Case causal{
            .batch = 2, .queries = 131, .keys = 131, .heads = 4, .kv_heads = 2, .width = 20, .window = window, .cap = cap};
        check_case<float>(compute, causal, lm::test::kFloatTolerance);
        check_case<double>(compute, causal, lm::test::kDoubleTolerance);
        Case prefixed = causal;
        prefixed.prefix = {90, 131};
        check_case<float>(compute, prefixed, lm::test::kFloatTolerance);
        Case documents = prefixed;
        for (std::int64_t i = 0; i < 2 * 131; ++i) documents.document.push_back(static_cast<std::int32_t>(i % 131 / 37));
        check_case<float>(compute, documents, lm::test::kFloatTolerance);
        const Case cached{
            .batch = 1, .queries = 50, .keys = 120, .heads = 2, .kv_heads = 1, .width = 12, .window = window, .cap = cap};
        check_case<float>(compute, cached, lm::test::kFloatTolerance);
        const Case decoded{.batch = 1, .queries = 1, .keys = 77, .heads = 2, .kv_heads = 1, .width = 12, .cap = cap};
        check_case<float>(compute, decoded, lm::test::kFloatTolerance);
      }
    }
  }
}
