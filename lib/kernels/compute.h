// Compute: what every kernel runs on: a pool of threads, a SIMD tier, and scratch memory for each worker.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "base/parallel.h"
#include "base/simd_tier.h"

namespace lm {

/// Bytes of scratch: the largest request of a worker, and the largest for what all workers share. Each kernel's header has a
/// function for its kernels, so that a program can estimate its memory.
struct ScratchSize {
  std::int64_t worker = 0;
  std::int64_t shared = 0;
  bool operator==(const ScratchSize&) const = default;
};
/// Returns what two kernels need that run one after the other.
inline ScratchSize larger(const ScratchSize& a, const ScratchSize& b) {
  return {.worker = std::max(a.worker, b.worker), .shared = std::max(a.shared, b.shared)};
}

/// One per program. The tier fixes which kernels run, and which core OpenBLAS uses for the products that it serves, whatever
/// OpenBLAS detected or the environment asked for. OpenBLAS is opened when the first of these products needs it, and runs on
/// one thread per call, inside our own tiles.
class Compute {
 public:
  /// Throws Error if the CPU cannot run the tier.
  Compute(int threads, SimdTier tier);
  ~Compute();
  Compute(const Compute&) = delete;
  Compute& operator=(const Compute&) = delete;

  ThreadPool& pool() { return pool_; }
  SimdTier simd() const { return tier_; }
  /// Returns at least `bytes` of 64-byte aligned memory, private to `worker` until its next request. It only grows, so that
  /// after the first step nothing allocates. Its content is unspecified.
  void* scratch_bytes(int worker, std::size_t bytes);
  template <class T>
  T* scratch(int worker, std::int64_t count) {
    return static_cast<T*>(scratch_bytes(worker, static_cast<std::size_t>(count) * sizeof(T)));
  }
  /// Returns memory that all workers of one run share; the caller of the run requests it before.
  template <class T>
  T* shared_scratch(std::int64_t count) {
    return scratch<T>(pool_.threads(), count);
  }
  /// Returns the largest requests so far.
  ScratchSize scratch_asked() const;

 private:
  struct Scratch;
  ThreadPool pool_;
  SimdTier tier_;
  std::unique_ptr<Scratch> scratch_;
};

/// Opens OpenBLAS if no product has done so, and makes it use the tier's core and one thread, as a product does. Returns the
/// core now in use, as OpenBLAS names it, e.g. "SkylakeX". Throws Error if it cannot be opened.
std::string select_blas_core(SimdTier tier);
/// Returns what decides the bits of the tier's products in float beside the program itself: core and hash of OpenBLAS, which is
/// opened, or nothing if it does not compute them. Throws Error if it cannot be opened.
std::string blas_identity(SimdTier tier);
/// Opens OpenBLAS if it serves the tier's products in float, as the first of them would: before memory is measured.
void prepare_products(Compute& compute);

/// Measures the peak of fused multiply-adds in fp32 on all threads of `compute`, in FLOP/s, for about `milliseconds`.
double measure_peak_flops(Compute& compute, int milliseconds = 50);

}  // namespace lm
