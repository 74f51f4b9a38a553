// Speed of every kernel at training shapes, as GFLOP/s and as share of the measured peak of fused multiply-adds (products,
// attention), or as bytes moved per second (the rest). LM_BENCH_THREADS sets the threads (default: all cores), LM_BENCH_TIER
// the SIMD tier (default: the best).
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <string>
#include <vector>

#include "base/rng.h"
#include "kernels/activation.h"
#include "kernels/attention.h"
#include "kernels/cross_entropy.h"
#include "kernels/elementwise.h"
#include "kernels/embedding.h"
#include "kernels/matmul.h"
#include "kernels/norm.h"
#include "kernels/optimizer.h"
#include "kernels/rotary.h"
#include "tensor/arena.h"

namespace {

using namespace lm;

SimdTier chosen_tier() {
  const char* const name = std::getenv("LM_BENCH_TIER");
  for (const SimdTier tier : {SimdTier::portable, SimdTier::avx2, SimdTier::avx512}) {
    if (name != nullptr && std::string(name) == to_string(tier)) return tier;
  }
  return best_simd_tier();
}

Compute& compute() {
  static const char* const threads = std::getenv("LM_BENCH_THREADS");
  static Compute instance(threads != nullptr ? std::atoi(threads) : available_cores(), chosen_tier());
  return instance;
}

double peak() {
  static const double flops = measure_peak_flops(compute(), 200);
  return flops;
}

struct Matrix {
  Matrix(std::int64_t rows, std::int64_t columns) : arena(rows * columns), view(arena.data(), rows, columns) {
    for (std::int64_t i = 0; i < arena.size(); ++i) arena.data()[i] = static_cast<float>(i * 7919 % 1001) / 500.0f - 1.0f;
  }
  Arena<float> arena;
  TensorView<float> view;
};

void report_flops(benchmark::State& state, double flops) {
  const double total = flops * static_cast<double>(state.iterations());
  state.counters["GFLOPS"] = benchmark::Counter(total / 1e9, benchmark::Counter::kIsRate);
  state.counters["peak%"] = benchmark::Counter(100 * total / peak(), benchmark::Counter::kIsRate);
}

void report_bytes(benchmark::State& state, double bytes) {
  state.counters["GB/s"] =
      benchmark::Counter(bytes * static_cast<double>(state.iterations()) / 1e9, benchmark::Counter::kIsRate);
}

void run_product(benchmark::State& state, int kind, std::int64_t rows, std::int64_t inputs, std::int64_t outputs) {
  Matrix x(rows, inputs), weight(outputs, inputs), y(rows, outputs);
  for (auto _ : state) {
    if (kind == 0) linear_forward<float>(compute(), y.view, x.view, weight.view, {});
    if (kind == 1) linear_backward_input<float>(compute(), x.view, y.view, weight.view, Write::overwrite);
    if (kind == 2) linear_backward_weight<float>(compute(), weight.view, {}, y.view, x.view);
    if (kind == 3) linear_decode<float>(compute(), y.view, x.view, weight.view, {});
  }
  report_flops(state, 2.0 * static_cast<double>(rows * inputs * outputs));
  if (kind == 3) report_bytes(state, 4.0 * static_cast<double>(inputs * outputs));
}

/// Several threads are measured by the clock, one by its own time on the CPU, which other programs disturb less.
template <class Body>
void define(const char* name, Body body) {
  auto* const bench = benchmark::RegisterBenchmark(name, body);
  if (compute().pool().threads() > 1) bench->UseRealTime();
}

struct AttentionShape {
  std::int64_t batch, time, heads, kv_heads, width;
};

void run_attention(benchmark::State& state, AttentionShape s, bool backward) {
  const std::int64_t columns = (s.heads + 2 * s.kv_heads) * s.width, rows = s.batch * s.time;
  Matrix qkv(rows, columns), dqkv(rows, columns), out(rows, s.heads * s.width), dout(rows, s.heads * s.width);
  Matrix log_sum_exp(s.batch * s.heads, s.time);
  const auto part = [&](Matrix& m, std::int64_t first, std::int64_t heads) {
    return m.view.columns(first * s.width, heads * s.width).split_columns(heads).split_rows(s.batch);
  };
  const auto heads_of = [&](Matrix& m) { return m.view.split_columns(s.heads).split_rows(s.batch); };
  const double scale = 1 / std::sqrt(static_cast<double>(s.width));
  const auto forward = [&] {
    attention_forward<float>(compute(), heads_of(out), log_sum_exp.view, part(qkv, 0, s.heads),
                             part(qkv, s.heads, s.kv_heads), part(qkv, s.heads + s.kv_heads, s.kv_heads), {}, scale);
  };
  forward();
  for (auto _ : state) {
    if (!backward) {
      forward();
      continue;
    }
    attention_backward<float>(compute(), part(dqkv, 0, s.heads), part(dqkv, s.heads, s.kv_heads),
                              part(dqkv, s.heads + s.kv_heads, s.kv_heads), heads_of(dout), heads_of(out), log_sum_exp.view,
                              part(qkv, 0, s.heads), part(qkv, s.heads, s.kv_heads),
                              part(qkv, s.heads + s.kv_heads, s.kv_heads), {}, scale);
  }
  // Visible pairs only; two products forward, five backward.
  const double pairs = static_cast<double>(s.batch * s.heads) * static_cast<double>(s.time * (s.time + 1) / 2);
  report_flops(state, pairs * 2.0 * static_cast<double>(s.width) * (backward ? 5 : 2));
}

template <class Body>
void run_rows(benchmark::State& state, double bytes, Body body) {
  for (auto _ : state) body();
  report_bytes(state, bytes);
}

void register_products() {
  const char* const kinds[] = {"forward", "backward_input", "backward_weight"};
  for (const std::int64_t rows : {768, 4096}) {
    for (const std::int64_t c : {128, 256, 384, 512}) {
      for (const std::int64_t outputs : {c, 3 * c, 4 * c}) {
        for (int kind = 0; kind < 3; ++kind) {
          const std::string name = std::string("linear_") + kinds[kind] + "/" + std::to_string(rows) + "x" +
                                   std::to_string(c) + "x" + std::to_string(outputs);
          define(name.c_str(), [=](benchmark::State& state) { run_product(state, kind, rows, c, outputs); });
        }
      }
    }
  }
  for (const std::int64_t vocabulary : {257, 4096}) {
    for (int kind = 0; kind < 3; ++kind) {
      const std::string name = std::string("head_") + kinds[kind] + "/512x256x" + std::to_string(vocabulary);
      define(name.c_str(), [=](benchmark::State& state) { run_product(state, kind, 512, 256, vocabulary); });
    }
  }
  for (const std::int64_t c : {256, 512, 768}) {
    define(("linear_decode/1x" + std::to_string(c) + "x" + std::to_string(4 * c)).c_str(),
           [=](benchmark::State& state) { run_product(state, 3, 1, c, 4 * c); });
  }
}

void register_attention() {
  for (const AttentionShape s : {AttentionShape{12, 64, 4, 4, 32},
                                 {16, 256, 8, 8, 32},
                                 {16, 256, 8, 4, 32},
                                 {12, 256, 6, 6, 64},
                                 {4, 1024, 8, 8, 64}}) {
    const std::string shape = std::to_string(s.batch) + "x" + std::to_string(s.time) + "x" + std::to_string(s.heads) + "/" +
                              std::to_string(s.kv_heads) + "x" + std::to_string(s.width);
    for (const bool backward : {false, true}) {
      define(((backward ? "attention_backward/" : "attention_forward/") + shape).c_str(),
             [=](benchmark::State& state) { run_attention(state, s, backward); });
    }
  }
}

void register_rows() {
  for (const std::int64_t c : {128, 256, 512}) {
    const std::int64_t rows = 4096;
    const double size = 4.0 * static_cast<double>(rows * c);
    const std::string shape = "/" + std::to_string(rows) + "x" + std::to_string(c);
    const auto bench = [&](const char* name, double passes, auto body) {
      define((name + shape).c_str(), [=](benchmark::State& state) {
        Matrix x(rows, c), y(rows, c), dy(rows, c), gain(1, c), dgain(1, c), rstd(1, rows), wide(rows, 2 * c),
            dwide(rows, 2 * c);
        const TensorView<float> gains(gain.view.data(), c), dgains(dgain.view.data(), c), rstds(rstd.view.data(), rows);
        run_rows(state, passes * size, [&] { body(x.view, y.view, dy.view, gains, dgains, rstds, wide.view, dwide.view); });
      });
    };
    using V = TensorView<float>;
    bench("rmsnorm_forward", 2,
          [](V x, V y, V, V gain, V, V rstd, V, V) { rmsnorm_forward<float>(compute(), y, rstd, x, gain, 1e-5); });
    bench("rmsnorm_backward", 4, [](V x, V y, V dy, V gain, V dgain, V rstd, V, V) {
      rmsnorm_backward<float>(compute(), y, dgain, dy, x, gain, rstd);
    });
    bench("layernorm_forward", 2, [](V x, V y, V, V gain, V mean, V rstd, V, V) {
      const V means(y.data(), rstd.size());
      layernorm_forward<float>(compute(), x, means, rstd, x, gain, mean, 1e-5);
    });
    bench("qk_norm_forward_heads_of_32", 2, [](V x, V y, V, V gain, V, V, V wide, V) {
      const V head_gain(gain.data(), 32);
      const V rstd(wide.data(), x.rows(), x.columns() / 32);
      rmsnorm_forward<float>(compute(), y.split_columns(x.columns() / 32), rstd, x.split_columns(x.columns() / 32),
                             head_gain, 1e-5);
    });
    bench("gelu_forward", 2, [](V x, V y, V, V, V, V, V, V) { gelu_forward<float>(compute(), y, x); });
    bench("gelu_backward", 4, [](V x, V y, V dy, V, V, V, V, V) { gelu_backward<float>(compute(), y, dy, x); });
    bench("swiglu_forward", 3, [](V, V y, V, V, V, V, V wide, V) { swiglu_forward<float>(compute(), y, wide); });
    bench("swiglu_backward", 7,
          [](V, V, V dy, V, V, V, V wide, V dwide) { swiglu_backward<float>(compute(), dwide, dy, wide); });
    bench("add", 3, [](V x, V y, V, V, V, V, V, V) { add<float>(compute(), y, x); });
    bench("copy", 2, [](V x, V y, V, V, V, V, V, V) { copy<float>(compute(), y, x); });
    bench("dropout", 2,
          [](V, V y, V, V, V, V, V, V) { dropout_forward<float>(compute(), y, {.rate = 0.1, .key = 1, .stream = 2}); });
    bench("sum_of_squares", 1,
          [](V x, V, V, V, V, V, V, V) { benchmark::DoNotOptimize(sum_of_squares<float>(compute(), x)); });
    bench("adamw", 7, [](V x, V y, V dy, V, V, V, V wide, V) {
      const V second(wide.data(), x.rows(), x.columns());
      fill<float>(compute(), second, 1.0f);
      adamw<float>(compute(), x, y, second, dy,
                   {.learning_rate = 1e-3,
                    .beta1 = 0.9,
                    .beta2 = 0.95,
                    .eps = 1e-8,
                    .weight_decay = 0.1,
                    .gradient_scale = 1,
                    .step = 10});
    });
  }
  for (const std::int64_t vocabulary : {257, 4096}) {
    define(("cross_entropy_backward/512x" + std::to_string(vocabulary)).c_str(), [=](benchmark::State& state) {
      Matrix logits(512, vocabulary);
      std::vector<double> nats(512);
      const std::vector<TokenId> targets(512, 3);
      const std::vector<float> weights(512, 1.0f);
      run_rows(state, 4.0 * 2 * 512 * static_cast<double>(vocabulary),
               [&] { cross_entropy_backward<float>(compute(), nats, logits.view, targets, weights, 1.0); });
    });
  }
}

}  // namespace

int main(int count, char** arguments) {
  benchmark::Initialize(&count, arguments);
  register_products();
  register_attention();
  register_rows();
  benchmark::AddCustomContext("tier", lm::to_string(compute().simd()));
  benchmark::AddCustomContext("peak GFLOP/s", std::to_string(peak() / 1e9));
  benchmark::RunSpecifiedBenchmarks();
}
