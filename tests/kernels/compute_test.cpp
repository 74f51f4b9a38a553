#include "kernels/compute.h"

#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "kernels/cpu/products/multiply_tile.h"
#include "kernels/kernel_support.h"
#include "support/memory_limit.h"

using namespace lm;

namespace {

constexpr double kTwo[] = {2};
constexpr double kThree[] = {3};

/// Returns 2 times 3, a product that OpenBLAS serves on every tier.
double double_product(Compute& compute) {
  double c = 0;
  multiply_tile<double>(compute, 0, {&c, 1}, {kTwo, 1}, {kThree, 1}, {1, 1, 1}, false);
  return c;
}

int threads_of_process() {
  std::ifstream status("/proc/self/status");
  int threads = 0;
  for (std::string word; status >> word;) {
    if (word == "Threads:") status >> threads;
  }
  return threads;
}

}  // namespace

TEST_CASE("each tier makes OpenBLAS use its core on one thread, whatever OpenBLAS detected or the environment asked for") {
  const char* const names[] = {"Prescott", "Haswell", "SkylakeX"};
  setenv("OPENBLAS_CORETYPE", "Nehalem", 1);
  setenv("OPENBLAS_NUM_THREADS", "7", 1);
  for (int round = 0; round < 2; ++round) {
    for (const SimdTier tier : lm::test::tiers()) {
      Compute compute(2, tier);
      CHECK(double_product(compute) == 6);
      CHECK(select_blas_core(tier) == names[static_cast<int>(tier)]);
    }
  }
  CHECK(std::string(std::getenv("OPENBLAS_CORETYPE")) == "Nehalem");
  CHECK(std::string(std::getenv("OPENBLAS_NUM_THREADS")) == "7");
#ifdef __SANITIZE_THREAD__
  constexpr int kOwn = 2;  // ThreadSanitizer has one
#else
  constexpr int kOwn = 1;
#endif
  CHECK(threads_of_process() == kOwn);
}

TEST_CASE("the first product may be on any thread, several at once") {
  constexpr int kThreads = 8;
  Compute compute(kThreads, best_simd_tier());
  std::vector<double> results(64);
  compute.pool().run(64, [&](std::int64_t tile, int worker) {
    multiply_tile<double>(compute, worker, {&results[static_cast<std::size_t>(tile)], 1}, {kTwo, 1}, {kThree, 1}, {1, 1, 1},
                          false);
  });
  for (const double result : results) CHECK(result == 6);
}

TEST_CASE("if OpenBLAS finds no room for its buffers, a product fails with a message") {
  const auto outcome = lm::test::with_memory_limit(std::uint64_t{512} << 20U, [] {
    Compute compute(16, best_simd_tier());  // more than the cases before took buffers for
    double_product(compute);
  });
  CHECK(outcome == (lm::test::kLimitsMemory ? lm::test::Outcome::refused : lm::test::Outcome::accepted));
}

TEST_CASE("scratch is aligned, private to its worker, and stays in its place until more is asked for") {
  Compute compute(2, best_simd_tier());
  float* a = compute.scratch<float>(0, 1000);
  float* b = compute.scratch<float>(1, 1000);
  float* shared = compute.shared_scratch<float>(1000);
  CHECK(reinterpret_cast<std::uintptr_t>(a) % 64 == 0);
  CHECK((a + 1000 <= b || b + 1000 <= a));
  CHECK((a + 1000 <= shared || shared + 1000 <= a));
  CHECK(compute.scratch<float>(0, 500) == a);
  CHECK(compute.scratch<float>(0, 1000) == a);
}

TEST_CASE("the measured peak is that of a computer on every tier") {
  for (const SimdTier tier : lm::test::tiers()) {
    Compute compute(1, tier);
    const double peak = measure_peak_flops(compute, 20);
    MESSAGE(std::string(to_string(tier)), ": ", peak / 1e9, " GFLOP/s on one thread");
    // Wide, because other programs and sanitizers slow it down: only a wrong unit or an empty loop falls outside.
    CHECK(peak > 1e8);
    CHECK(peak < 1e13);
  }
}
