// Causal attention at the benchmarks' shapes, and with shared heads of keys and values.
#include "kernels/attention.h"

#include <cmath>

#include "measure.h"

namespace lm::bench {

namespace {

struct Shape {
  std::int64_t batch, time, heads, kv_heads, width;
};

void run_attention(benchmark::State& state, Shape s, bool backward, Precision precision) {
  const std::int64_t columns = (s.heads + 2 * s.kv_heads) * s.width, rows = s.batch * s.time;
  Matrix qkv(rows, columns), dqkv(rows, columns), out(rows, s.heads * s.width), dout(rows, s.heads * s.width);
  Matrix log_sum_exp(s.batch * s.heads, s.time);
  const auto part = [&](Matrix& m, std::int64_t first, std::int64_t heads) {
    return m.view.columns(first * s.width, heads * s.width).split_columns(heads).split_rows(s.batch);
  };
  const auto heads_of = [&](Matrix& m) { return m.view.split_columns(s.heads).split_rows(s.batch); };
  const double scale = 1 / std::sqrt(static_cast<double>(s.width));
  const std::int64_t key = s.heads, value = s.heads + s.kv_heads;
  const AttentionInputs<float> inputs{part(qkv, 0, s.heads), part(qkv, key, s.kv_heads), part(qkv, value, s.kv_heads)};
  const auto forward = [&] {
    attention_forward<float>(compute(), {heads_of(out), log_sum_exp.view}, inputs, {},
                             {.scale = scale, .precision = precision});
  };
  forward();
  // Visible pairs only; two products forward, five backward.
  const double pairs = static_cast<double>(s.batch * s.heads) * static_cast<double>(s.time * (s.time + 1) / 2);
  measure(state, {.flops = pairs * 2.0 * static_cast<double>(s.width) * (backward ? 5 : 2)}, [&] {
    if (!backward) return forward();
    attention_backward<float>(
        compute(), {part(dqkv, 0, s.heads), part(dqkv, key, s.kv_heads), part(dqkv, value, s.kv_heads)}, heads_of(dout),
        {heads_of(out), log_sum_exp.view}, inputs, {}, {.scale = scale, .precision = precision});
  });
}

}  // namespace

void register_attention() {
  for (const Shape s : {Shape{12, 64, 4, 4, 32},
                        {16, 256, 6, 6, 64},
                        {16, 256, 8, 8, 32},
                        {16, 256, 8, 4, 32},
                        {8, 512, 8, 8, 64},
                        {2, 512, 12, 12, 64}}) {
    const std::string shape = dimensions({s.batch, s.time, s.heads, s.kv_heads, s.width});
    for (const Precision precision : precisions()) {
      for (const bool backward : {false, true}) {
        define(std::string("attention") + (backward ? "_backward/" : "_forward/") + to_string(precision) + "/" + shape,
               [=](benchmark::State& state) { run_attention(state, s, backward, precision); });
      }
    }
  }
}

}  // namespace lm::bench
