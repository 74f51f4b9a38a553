#include "kernels/cpu/products/blas_library.h"

#include <atomic>
#include <mutex>
#include <string>

#include "base/file_hash.h"
#include "base/hash.h"
#include "kernels/cpu/products/multiply_tile.h"
#include "kernels/cpu/tiers.h"

namespace lm {

namespace {

// What is in force, to be read without the lock; written under it.
std::atomic<const OpenBlas*> ready{nullptr};
std::atomic<int> ready_tier{-1};
std::atomic<int> ready_callers{0};

bool is_ready(SimdTier tier, int callers) {
  return ready_tier.load(std::memory_order_acquire) == static_cast<int>(tier) &&
         ready_callers.load(std::memory_order_acquire) >= callers;
}

}  // namespace

const OpenBlas& blas_library(SimdTier tier, int callers) {
  if (is_ready(tier, callers)) return *ready.load(std::memory_order_acquire);
  static std::mutex mutex;
  const std::lock_guard lock(mutex);
  if (is_ready(tier, callers)) return *ready;
  const std::string otherwise =
      tier < best_simd_tier() ? std::string(", or use --simd ") + to_string(best_simd_tier()) : std::string();
  ready.store(&open_blas({.core = blas_core(tier), .callers = callers, .otherwise = otherwise}), std::memory_order_release);
  if (ready_callers < callers) ready_callers.store(callers, std::memory_order_release);
  ready_tier.store(static_cast<int>(tier), std::memory_order_release);
  return *ready;
}

std::string select_blas_core(SimdTier tier) { return blas_library(tier, 1).get_corename(); }

std::string blas_identity(SimdTier tier) {
  if (!served_by_blas(tier, float{})) return "";
  const std::string core = select_blas_core(tier);
  return core + ", hash " + to_hex(hash_of_code(reinterpret_cast<const void*>(blas_library(tier, 1).sgemm)));
}

}  // namespace lm
