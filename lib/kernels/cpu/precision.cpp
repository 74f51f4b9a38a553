#include "kernels/precision.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <list>
#include <vector>

#if defined(__x86_64__)
#include <cpuid.h>
#endif
#if defined(__GLIBC__)
#include <malloc.h>
#endif

#include "base/error.h"
#include "kernels/matmul.h"

namespace lm {

#if defined(__x86_64__) && defined(LM_HAS_FP16)
namespace {

/// Returns whether the CPU has AVX512-FP16: not every compiler's __builtin_cpu_supports knows of that.
bool has_avx512fp16() {
  constexpr unsigned int kBit = 1U << 23U;
  unsigned int a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (d & kBit) != 0;
}

}  // namespace
#endif

std::string missing_for(Precision precision, SimdTier tier) {
  if (precision == Precision::fp32) return "";
  const bool bf16 = precision == Precision::bf16;
  const std::string needed = bf16 ? "AVX512-BF16" : "AVX512-FP16";
#if defined(__x86_64__)
  bool built = false, present = false;
#if defined(LM_HAS_BF16)
  if (bf16) built = true, present = __builtin_cpu_supports("avx512bf16");
#endif
#if defined(LM_HAS_FP16)
  if (!bf16) built = true, present = has_avx512fp16();
#endif
  if (!built) return "the compiler that built this program lacked " + needed;
  if (!present || best_simd_tier() != SimdTier::avx512) return "this CPU lacks " + needed;
  return tier == SimdTier::avx512 ? "" : needed + " needs the SIMD tier avx512, which is not in use";
#else
  (void)tier;
  return "this CPU lacks " + needed;
#endif
}

namespace {

/// The products of a layer of middle size, and the least time that they took.
class TimedProducts {
 public:
  TimedProducts(Compute& compute, Precision precision)
      : compute_(compute),
        precision_(precision),
        memory_(static_cast<std::size_t>((kRows + kOutputs) * (kInputs + kOutputs) + kRows * kInputs), 0.5f),
        halves_(static_cast<std::size_t>(2 * half_weight_size(precision, kOutputs, kInputs))),
        x_(next(kRows, kInputs)),
        y_(next(kRows, kOutputs)),
        weight_(next(kOutputs, kInputs)),
        dx_(next(kRows, kInputs)),
        linear_(weight_) {
    linear_.half = {.precision = precision, .across = halves_.data(), .along = halves_.data() + halves_.size() / 2};
    round_weight(compute, linear_);
  }

  Precision precision() const { return precision_; }
  double seconds() const { return seconds_; }

  void run() {
    using Clock = std::chrono::steady_clock;
    const auto start = Clock::now();
    linear_forward<float>(compute_, y_, x_, linear_, {});
    linear_backward_input<float>(compute_, dx_, y_, linear_, Write::overwrite);
    linear_backward_weight<float>(compute_, weight_, {}, y_, x_, precision_);
    seconds_ = std::min(seconds_, std::chrono::duration<double>(Clock::now() - start).count());
  }

 private:
  static constexpr std::int64_t kRows = 1024, kInputs = 256, kOutputs = 512;

  TensorView<float> next(std::int64_t rows, std::int64_t columns) {
    const TensorView<float> view(memory_.data() + used_, rows, columns);
    used_ += view.size();
    return view;
  }

  Compute& compute_;
  Precision precision_;
  double seconds_ = std::numeric_limits<double>::infinity();
  std::int64_t used_ = 0;
  std::vector<float> memory_;
  std::vector<std::uint16_t> halves_;
  TensorView<float> x_, y_, weight_, dx_;
  LinearWeight<float> linear_;
};

/// Measures by turns, so that a moment in which something else has the cores slows all of them.
Precision measure_fastest(Compute& compute) {
  // A 16-bit format must win by more than the noise of so short a measurement: fp32 is the more exact.
  constexpr double kClearly = 0.85;
  constexpr int kTurns = 12;
  std::list<TimedProducts> halves;
  for (const Precision precision : {Precision::bf16, Precision::fp16}) {
    if (missing_for(precision, compute.simd()).empty()) halves.emplace_back(compute, precision);
  }
  if (halves.empty()) return Precision::fp32;
  TimedProducts fp32(compute, Precision::fp32);
  for (int turn = 0; turn < kTurns; ++turn) {
    fp32.run();
    for (TimedProducts& half : halves) half.run();
  }
  Precision fastest = Precision::fp32;
  double least = kClearly * fp32.seconds();
  for (const TimedProducts& half : halves) {
    if (half.seconds() >= least) continue;
    least = half.seconds();
    fastest = half.precision();
  }
  return fastest;
}

}  // namespace

Precision fastest_precision(Compute& compute) {
  const Precision fastest = measure_fastest(compute);
  // Give the measurement's memory back to the system: estimates of the program's memory do not count it.
#if defined(__GLIBC__)
  malloc_trim(0);
#endif
  return fastest;
}

}  // namespace lm
