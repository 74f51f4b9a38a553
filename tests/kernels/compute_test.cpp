#include "kernels/compute.h"

#include <cstdlib>

#include "kernels/kernel_support.h"

using namespace lm;

TEST_CASE("each tier makes OpenBLAS use its core, whatever OpenBLAS detected or the environment asked for") {
  const char* const names[] = {"Prescott", "Haswell", "SkylakeX"};
  setenv("OPENBLAS_CORETYPE", "Nehalem", 1);
  for (int round = 0; round < 2; ++round) {
    for (const SimdTier tier : lm::test::tiers()) {
      Compute compute(2, tier);
      CHECK(blas_core_name() == names[static_cast<int>(tier)]);
    }
  }
  CHECK(std::string(std::getenv("OPENBLAS_CORETYPE")) == "Nehalem");
}

TEST_CASE("scratch is aligned, private to its worker, and stays where it is until more is asked for") {
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
