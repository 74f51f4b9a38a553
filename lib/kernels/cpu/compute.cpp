#include "kernels/compute.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <new>
#include <vector>

#include "base/error.h"
#include "base/round.h"
#include "kernels/cpu/tiers.h"

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
  const OptimizerKernels<float>& kernels = simd_kernels<float>(compute.simd()).optimizer;
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
