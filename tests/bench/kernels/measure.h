// How a kernel is measured: Google Benchmark's loop, timed, and its speed beside its roof.
#pragma once

#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "kernels/precision.h"
#include "roof.h"
#include "tensor/view.h"

namespace lm::bench {

struct Matrix {
  Matrix(std::int64_t rows, std::int64_t columns) : arena(rows * columns), view(arena.data(), rows, columns) {
    for (std::int64_t i = 0; i < arena.size(); ++i) arena.data()[i] = static_cast<float>(i * 7919 % 1001) / 500.0f - 1.0f;
  }
  Arena<float> arena;
  TensorView<float> view;
};

inline std::string dimensions(std::initializer_list<std::int64_t> sizes) {
  std::string text;
  for (const std::int64_t size : sizes) text += (text.empty() ? "" : "x") + std::to_string(size);
  return text;
}

/// What one call does: floating-point operations if multiply-adds limit it, else bytes that it reads and writes.
struct Work {
  double flops = 0;
  double bytes = 0;
  double working_set = 0;  // bytes that it touches again at the next call; 0: as many as it moves
};

/// The roof is measured before and after the loop, since a machine's speed drifts.
template <class Body>
void measure(benchmark::State& state, const Work& work, Body&& body) {
  const Memory& memory = memory_of(work.working_set > 0 ? work.working_set : work.bytes);
  const auto roof = [&] { return work.flops > 0 ? measure_peak_flops(compute(), 10) : read_bandwidth(memory); };
  body();
  const double before = roof();
  double seconds = 0;
  std::int64_t rounds = 0;
  const Clock::time_point start = Clock::now();
  for (auto _ : state) {
    body();
    ++rounds;
  }
  seconds = seconds_since(start) / static_cast<double>(rounds);
  const double speed = (work.flops > 0 ? work.flops : work.bytes) / seconds;
  const double limit = std::max(before, roof());
  state.counters["speed"] = speed / 1e9;
  state.counters["roof"] = limit / 1e9;
  state.counters["percent"] = 100 * speed / limit;
  state.SetLabel(work.flops > 0 ? "GFLOP/s" : std::string("GB/s, ") + memory.name);
}

/// Adds a benchmark. Several threads are measured by the clock, one by its own time on the CPU.
template <class Body>
void define(const std::string& name, Body body) {
  auto* const bench = benchmark::RegisterBenchmark(name.c_str(), body);
  if (compute().pool().threads() > 1) bench->UseRealTime();
}

/// Returns fp32, and the 16-bit formats that this CPU multiplies; the roof of their products is fp32's too.
inline std::vector<Precision> precisions() {
  std::vector<Precision> some;
  for (const Precision precision : {Precision::fp32, Precision::bf16, Precision::fp16}) {
    if (missing_for(precision, compute().simd()).empty()) some.push_back(precision);
  }
  return some;
}

// One file for each kind of kernel.
void register_products();
void register_attention();
void register_rows();

}  // namespace lm::bench
