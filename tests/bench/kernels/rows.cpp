// What works on rows or whole arenas, and moves more than it computes.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/activation.h"
#include "kernels/cross_entropy.h"
#include "kernels/distribution.h"
#include "kernels/elementwise.h"
#include "kernels/embedding.h"
#include "kernels/muon.h"
#include "kernels/norm.h"
#include "kernels/optimizer.h"
#include "kernels/rotary.h"
#include "measure.h"

namespace lm::bench {

namespace {

using View = TensorView<float>;

/// What the kernels of one shape work on.
struct Rows {
  Rows(std::int64_t rows, std::int64_t c)
      : x(rows, c),
        y(rows, c),
        dy(rows, c),
        second(rows, c),
        wide(rows, 2 * c),
        dwide(rows, 2 * c),
        gain(1, c),
        dgain(1, c),
        mean(1, rows),
        rstd(1, rows),
        head_rstd(rows, c / 32) {
    fill<float>(compute(), second.view, 1.0f);
  }
  View flat(Matrix& m) const { return {m.view.data(), m.arena.size()}; }
  View by_heads(Matrix& m) const { return m.view.split_columns(m.view.columns() / 32); }
  Matrix x, y, dy, second, wide, dwide, gain, dgain, mean, rstd, head_rstd;
};

/// Name, how many times the size of x is read or written (an in-place update counts twice), how many times it is touched,
/// and the call.
struct RowKernel {
  const char* name;
  double passes;
  double touched;
  void (*call)(Rows&);
};

constexpr AdamWStep kAdamW = {
    .learning_rate = 1e-3, .beta1 = 0.9, .beta2 = 0.95, .eps = 1e-8, .weight_decay = 0.1, .gradient_scale = 1, .step = 10};

const RowKernel kKernels[] = {
    {"rmsnorm_forward", 2, 2,
     [](Rows& r) { rmsnorm_forward<float>(compute(), r.y.view, r.flat(r.rstd), r.x.view, r.flat(r.gain), 1e-5); }},
    {"rmsnorm_backward", 4, 3,
     [](Rows& r) {
       rmsnorm_backward<float>(compute(), r.y.view, r.flat(r.dgain), r.dy.view, r.x.view, r.flat(r.gain), r.flat(r.rstd));
     }},
    {"rmsnorm_forward_heads_of_32", 2, 2,
     [](Rows& r) {
       const View gain(r.gain.view.data(), 32);
       rmsnorm_forward<float>(compute(), r.by_heads(r.y), r.head_rstd.view, r.by_heads(r.x), gain, 1e-5);
     }},
    {"layernorm_forward", 2, 2,
     [](Rows& r) {
       layernorm_forward<float>(compute(), r.y.view, {r.flat(r.mean), r.flat(r.rstd)}, r.x.view, r.flat(r.gain),
                                r.flat(r.dgain), 1e-5);
     }},
    {"layernorm_backward", 4, 3,
     [](Rows& r) {
       const View dbias(r.head_rstd.view.data(), r.gain.arena.size());
       layernorm_backward<float>(compute(), r.y.view, r.flat(r.dgain), dbias, r.dy.view, r.x.view, r.flat(r.gain),
                                 {r.flat(r.mean), r.flat(r.rstd)});
     }},
    {"gelu_forward", 2, 2, [](Rows& r) { activation_forward<float>(compute(), Activation::gelu_tanh, r.y.view, r.x.view); }},
    {"gelu_backward", 4, 3,
     [](Rows& r) { activation_backward<float>(compute(), Activation::gelu_tanh, r.y.view, r.dy.view, r.x.view); }},
    {"swiglu_forward", 3, 3, [](Rows& r) { gated_forward<float>(compute(), Activation::silu, r.y.view, r.wide.view); }},
    {"swiglu_backward", 7, 5,
     [](Rows& r) { gated_backward<float>(compute(), Activation::silu, r.dwide.view, r.dy.view, r.wide.view); }},
    {"dropout", 2, 1, [](Rows& r) { dropout_forward<float>(compute(), r.y.view, {.rate = 0.1, .key = 1, .stream = 2}); }},
    {"add", 3, 2, [](Rows& r) { add<float>(compute(), r.y.view, r.x.view); }},
    {"copy", 2, 2, [](Rows& r) { copy<float>(compute(), r.y.view, r.x.view); }},
    {"sums_of_squares", 1, 1,
     [](Rows& r) {
       std::vector<std::span<const float>> parts;
       for (std::int64_t row = 0; row < r.x.view.rows(); ++row)
         parts.emplace_back(r.x.view.row(row), static_cast<std::size_t>(r.x.view.columns()));
       std::vector<double> sums(parts.size());
       sums_of_squares<float>(compute(), sums, parts);
       benchmark::DoNotOptimize(tree_sum(sums));
     }},
    {"adamw", 7, 4, [](Rows& r) { adamw<float>(compute(), r.x.view, r.y.view, r.second.view, r.dy.view, kAdamW); }},
    {"moving_average", 3, 2, [](Rows& r) { moving_average<float>(compute(), r.y.view, r.x.view, 0.999); }},
};

void run_rotary(benchmark::State& state, std::int64_t rows, std::int64_t c, std::int64_t period) {
  Matrix x(rows, c), cosine(period, 16), sine(period, 16);
  std::vector<double> frequencies;
  for (int i = 0; i < 16; ++i) frequencies.push_back(std::pow(10000.0, -i / 16.0));
  rotary_table<float>(cosine.view, sine.view, frequencies);
  measure(state, {.bytes = 8.0 * static_cast<double>(rows * c), .working_set = 4.0 * static_cast<double>(rows * c)}, [&] {
    rotary_forward<float>(compute(), x.view.split_columns(c / 32), cosine.view, sine.view, RotaryPairs::halves, period);
  });
}

void run_embedding_gradient(benchmark::State& state, std::int64_t rows, std::int64_t c, std::int64_t vocabulary) {
  Matrix dtokens(vocabulary, c), dy(rows, c);
  std::vector<TokenId> ids(static_cast<std::size_t>(rows));
  std::uint64_t number = 1;
  for (TokenId& id : ids) {
    number = number * 6364136223846793005u + 1442695040888963407u;
    // Cubed, so that few tokens are frequent, as in text.
    const double uniform = static_cast<double>(number >> 11) / 9007199254740992.0;
    id = static_cast<TokenId>(uniform * uniform * uniform * static_cast<double>(vocabulary));
  }
  const double size = 4.0 * static_cast<double>(rows * c);
  measure(state, {.bytes = 3 * size, .working_set = size + 4.0 * static_cast<double>(std::min(rows, vocabulary) * c)}, [&] {
    embedding_backward<float>(compute(), {dtokens.view, {}, {}}, dy.view, ids, rows);
  });
}

void run_cross_entropy(benchmark::State& state, std::int64_t rows, std::int64_t vocabulary, bool backward) {
  Matrix logits(rows, vocabulary);
  std::vector<double> nats(static_cast<std::size_t>(rows));
  const std::vector<TokenId> targets(nats.size(), 3);
  const std::vector<float> weights(nats.size(), 1.0f);
  const double size = 4.0 * static_cast<double>(rows * vocabulary);
  measure(state, {.bytes = (backward ? 2 : 1) * size, .working_set = size}, [&] {
    if (backward) return cross_entropy_backward<float>(compute(), nats, logits.view, targets, weights, 1.0);
    cross_entropy_forward<float>(compute(), nats, logits.view, targets);
  });
}

void run_distribution(benchmark::State& state, std::int64_t rows, std::int64_t vocabulary, bool compares) {
  Matrix logits(rows, vocabulary), others(rows, vocabulary);
  std::vector<Distribution> distributions(static_cast<std::size_t>(rows));
  std::vector<Divergence> divergences(distributions.size());
  const std::vector<TokenId> targets(distributions.size(), 3);
  const double size = (compares ? 8.0 : 4.0) * static_cast<double>(rows * vocabulary);
  measure(state, {.bytes = size, .working_set = size}, [&] {
    if (compares) return compare_distributions<float>(compute(), divergences, logits.view, others.view);
    describe_distributions<float>(compute(), distributions, logits.view, targets);
  });
}

void run_muon(benchmark::State& state, std::int64_t rows, std::int64_t columns) {
  constexpr int kMatrices = 8;
  Matrix weights(kMatrices * rows, columns), moments(kMatrices * rows, columns), gradients(kMatrices * rows, columns);
  std::vector<MuonMatrix<float>> matrices;
  for (int i = 0; i < kMatrices; ++i) {
    const auto part = [&](Matrix& m) { return View(m.view.data() + i * rows * columns, rows, columns); };
    matrices.push_back({part(weights), part(moments), part(gradients)});
  }
  const double small = static_cast<double>(std::min(rows, columns)), large = static_cast<double>(std::max(rows, columns));
  // The Gram matrix, nine products of small matrices, all symmetric and so counted by half, and the last, whole product.
  measure(state, {.flops = kMatrices * small * small * (large + 9 * small + 2 * large)}, [&] {
    muon<float>(compute(), matrices, {.learning_rate = 1e-6, .momentum = 0.95, .weight_decay = 0.1, .gradient_scale = 1});
  });
}

}  // namespace

void register_rows() {
  for (const auto& [rows, c] : {std::pair<std::int64_t, std::int64_t>{768, 128}, {4096, 256}, {4096, 512}, {16384, 2048}}) {
    const std::string shape = "/" + dimensions({rows, c});
    for (const RowKernel& kernel : kKernels) {
      define(kernel.name + shape, [=, rows = rows, c = c](benchmark::State& state) {
        Rows r(rows, c);
        const double size = 4.0 * static_cast<double>(rows * c);
        measure(state, {.bytes = kernel.passes * size, .working_set = kernel.touched * size}, [&] { kernel.call(r); });
      });
    }
  }
  for (const auto& [rows, c] : {std::pair<std::int64_t, std::int64_t>{768, 128}, {4096, 256}, {4096, 512}}) {
    define("rotary/" + dimensions({rows, c}),
           [=, rows = rows, c = c](benchmark::State& state) { run_rotary(state, rows, c, 64); });
  }
  struct Embedding {
    std::int64_t rows, channels, vocabulary;
  };
  for (const auto [rows, c, vocabulary] :
       {Embedding{768, 128, 257}, {4096, 256, 4096}, {4096, 512, 8192}, {1024, 768, 50257}}) {
    define("embedding_backward/" + dimensions({rows, c, vocabulary}),
           [=](benchmark::State& state) { run_embedding_gradient(state, rows, c, vocabulary); });
  }
  for (const auto& [rows, vocabulary] :
       {std::pair<std::int64_t, std::int64_t>{512, 257}, {128, 4096}, {64, 8192}, {64, 50257}}) {
    for (const bool backward : {false, true}) {
      define((backward ? "cross_entropy_backward/" : "cross_entropy_forward/") + dimensions({rows, vocabulary}),
             [=, rows = rows, vocabulary = vocabulary](benchmark::State& state) {
               run_cross_entropy(state, rows, vocabulary, backward);
             });
    }
    for (const bool compares : {false, true}) {
      define((compares ? "compare_distributions/" : "describe_distributions/") + dimensions({rows, vocabulary}),
             [=, rows = rows, vocabulary = vocabulary](benchmark::State& state) {
               run_distribution(state, rows, vocabulary, compares);
             });
    }
  }
  for (const auto& [rows, columns] : {std::pair<std::int64_t, std::int64_t>{256, 256}, {768, 256}, {2048, 512}}) {
    define("muon/8x" + dimensions({rows, columns}),
           [=, rows = rows, columns = columns](benchmark::State& state) { run_muon(state, rows, columns); });
  }
}

}  // namespace lm::bench
