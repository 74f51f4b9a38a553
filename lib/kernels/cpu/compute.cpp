#include "kernels/compute.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <new>
#include <vector>

#include "base/error.h"
#include "base/round.h"
#include "kernels/cpu/dispatch.h"

namespace lm {

struct Compute::Scratch {
  struct Free {
    void operator()(void* pointer) const { std::free(pointer); }
  };
  struct Slot {
    std::unique_ptr<void, Free> memory;
    std::size_t bytes = 0;
    std::size_t asked = 0;
  };
  std::vector<Slot> slots;  // one per worker, and one that they share
};

#if defined(__x86_64__)
namespace {

/// Conversions of 16-bit floats, of which not every compiler's __builtin_cpu_supports knows.
bool has_f16c() {
  unsigned int a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid(1, &a, &b, &c, &d) != 0 && (c & bit_F16C) != 0;
}

}  // namespace
#endif

SimdTier best_simd_tier() {
#if defined(__x86_64__)
  // These ask the CPU and, through XCR0, whether the operating system saves the wide registers.
  __builtin_cpu_init();
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi") &&
                    __builtin_cpu_supports("bmi2") && has_f16c();
  if (avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl")) {
    return SimdTier::avx512;
  }
  if (avx2) return SimdTier::avx2;
#endif
  return SimdTier::portable;
}

namespace {

SimdTier checked_tier(SimdTier tier) {
  const SimdTier best = best_simd_tier();
  if (tier > best) {
    throw Error("cannot use SIMD tier '" + std::string(to_string(tier)) + "': this CPU runs at most '" + to_string(best) +
                "'; choose that or leave the choice to the program");
  }
  return tier;
}

}  // namespace

Compute::Compute(int threads, SimdTier tier)
    : pool_(threads), tier_(checked_tier(tier)), scratch_(std::make_unique<Scratch>()) {
  scratch_->slots.resize(static_cast<std::size_t>(pool_.threads()) + 1);
}

Compute::~Compute() = default;

void* Compute::scratch_bytes(int worker, std::size_t bytes) {
  Scratch::Slot& slot = scratch_->slots[static_cast<std::size_t>(worker)];
  slot.asked = std::max(slot.asked, bytes);
  if (slot.bytes < bytes) {
    constexpr std::size_t kUnit = 4096;
    const std::size_t rounded = round_up(bytes + bytes / 4, kUnit);
    slot.memory.reset();
    slot.bytes = 0;
    slot.memory.reset(std::aligned_alloc(kUnit, rounded));
    if (slot.memory == nullptr)
      throw Error("out of memory: a kernel needs " + std::to_string(rounded) + " bytes of scratch");
    slot.bytes = rounded;
  }
  return slot.memory.get();
}

ScratchSize Compute::scratch_asked() const {
  ScratchSize asked{.shared = static_cast<std::int64_t>(scratch_->slots.back().asked)};
  for (std::size_t worker = 0; worker + 1 < scratch_->slots.size(); ++worker) {
    asked.worker = std::max(asked.worker, static_cast<std::int64_t>(scratch_->slots[worker].asked));
  }
  return asked;
}

double measure_peak_flops(Compute& compute, int milliseconds) {
  using Clock = std::chrono::steady_clock;
  const SimdKernels<float>& kernels = simd_kernels<float>(compute.simd());
  const int threads = compute.pool().threads();
  constexpr std::int64_t kRounds = 200'000;
  std::vector<float> sink(static_cast<std::size_t>(threads));
  std::vector<double> speeds;
  const auto end = Clock::now() + std::chrono::milliseconds(milliseconds);
  do {
    const auto start = Clock::now();
    compute.pool().run(threads, [&](std::int64_t tile, int) {
      sink[static_cast<std::size_t>(tile)] = kernels.multiply_add_rounds(kRounds);
    });
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    speeds.push_back(static_cast<double>(kernels.operations_per_round * kRounds * threads) / seconds);
  } while (Clock::now() < end);
  // The best of the repetitions: another program can only slow one down.
  return *std::max_element(speeds.begin(), speeds.end());
}

}  // namespace lm
