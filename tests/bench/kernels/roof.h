// The roof of a kernel's speed, measured beside it: multiply-adds, or reading from the cache that holds what it works on.
#pragma once

#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "kernels/compute.h"
#include "tensor/arena.h"

namespace lm::bench {

using Clock = std::chrono::steady_clock;
inline double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

/// LM_BENCH_TIER sets the SIMD tier (default: the best), LM_BENCH_THREADS the threads (default: all cores).
inline Compute& compute() {
  const auto tier = [] {
    const char* const name = std::getenv("LM_BENCH_TIER");
    for (const SimdTier each : {SimdTier::portable, SimdTier::avx2, SimdTier::avx512}) {
      if (name != nullptr && std::string(name) == to_string(each)) return each;
    }
    return best_simd_tier();
  };
  static const char* const threads = std::getenv("LM_BENCH_THREADS");
  static Compute instance(threads != nullptr ? std::atoi(threads) : available_cores(), tier());
  return instance;
}

// A sum by GCC's vectors of 64 bytes, which each function compiles to what its target has.
using Wide = std::int64_t __attribute__((vector_size(64)));
template <int kUnroll = 8>
[[gnu::always_inline]] inline std::int64_t sum_wide(const Wide* data, std::int64_t count) {
  Wide sums[kUnroll] = {};
  for (std::int64_t i = 0; i + kUnroll <= count; i += kUnroll) {
    for (int j = 0; j < kUnroll; ++j) sums[j] += data[i + j];
  }
  Wide total = {};
  for (int j = 0; j < kUnroll; ++j) total += sums[j];
  return total[0] + total[7];
}
[[gnu::target("avx512f")]] inline std::int64_t sum_avx512(const Wide* data, std::int64_t count) {
  return sum_wide(data, count);
}
[[gnu::target("avx2")]] inline std::int64_t sum_avx2(const Wide* data, std::int64_t count) { return sum_wide(data, count); }
inline std::int64_t sum_portable(const Wide* data, std::int64_t count) { return sum_wide(data, count); }

/// One of the places that data can be read from.
struct Memory {
  const char* name;
  std::int64_t capacity;  // bytes that it holds for all threads together
  std::int64_t measured;  // bytes read again and again to measure it
};

inline const Memory& memory_of(double working_set) {
  static const std::vector<Memory> levels = [] {
    // Not sysconf's sizes, which on a virtual machine may be the host's.
    std::int64_t second = 1 << 20, third = 16 << 20;
    for (const auto& cache : benchmark::CPUInfo::Get().caches) {
      if (cache.level == 2) second = cache.size;
      if (cache.level == 3) third = cache.size;
    }
    second *= compute().pool().threads();
    third = std::max(third, second);
    return std::vector<Memory>{{"L2", second, second / 2},
                               {"L3", third, second + (third - second) / 2},
                               {"DRAM", std::int64_t{1} << 60, std::max(4 * third, std::int64_t{256} << 20)}};
  }();
  for (const Memory& level : levels) {
    if (working_set <= static_cast<double>(level.capacity)) return level;
  }
  return levels.back();
}

/// Returns the bytes a second that all threads read together, each again and again its own part.
inline double read_bandwidth(const Memory& memory) {
  static Arena<float> arena(memory_of(1e18).measured / 4);
  static const bool touched = [] {
    std::fill_n(arena.data(), arena.size(), 1.0f);
    return true;
  }();
  const std::int64_t threads = compute().pool().threads();
  const std::int64_t share = memory.measured / threads / 64;
  const std::int64_t rounds = std::max(std::int64_t{1}, (std::int64_t{64} << 20) / memory.measured);
  std::vector<std::int64_t> sums(static_cast<std::size_t>(threads));
  double best = 0;
  for (int repeat = 0; repeat < 3 && touched; ++repeat) {
    const Clock::time_point start = Clock::now();
    compute().pool().run(threads, [&](std::int64_t tile, int) {
      const Wide* const data = reinterpret_cast<const Wide*>(arena.data()) + tile * share;
      for (std::int64_t round = 0; round < rounds; ++round) {
        const std::int64_t sum = compute().simd() == SimdTier::avx512 ? sum_avx512(data, share)
                                 : compute().simd() == SimdTier::avx2 ? sum_avx2(data, share)
                                                                      : sum_portable(data, share);
        sums[static_cast<std::size_t>(tile)] += sum;
      }
    });
    best = std::max(best, static_cast<double>(rounds * threads * share * 64) / seconds_since(start));
  }
  benchmark::DoNotOptimize(sums.data());
  return best;
}

}  // namespace lm::bench
