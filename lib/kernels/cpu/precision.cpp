#include "kernels/precision.h"

#include <algorithm>
#include <chrono>
#include <vector>

#if defined(__GLIBC__)
#include <malloc.h>
#endif

#include "base/error.h"
#include "kernels/cpu/dispatch.h"
#include "kernels/cpu/half/table.h"
#include "kernels/matmul.h"

namespace lm {

#if defined(LM_HAS_BF16)
namespace bf16 {
HalfKernels kernels_of_format();
}
#endif
#if defined(LM_HAS_FP16)
namespace fp16 {
HalfKernels kernels_of_format();
}
#endif

const char* to_string(Precision precision) {
  return precision == Precision::bf16 ? "bf16" : precision == Precision::fp16 ? "fp16" : "fp32";
}

Precision parse_precision(std::string_view name) {
  for (const Precision precision : {Precision::fp32, Precision::bf16, Precision::fp16}) {
    if (name == to_string(precision)) return precision;
  }
  throw Error("unknown precision '" + std::string(name) + "'; known: fp32, bf16, fp16");
}

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
  if (!bf16) built = true, present = __builtin_cpu_supports("avx512fp16");
#endif
  if (!built) return "the compiler that built this program lacked " + needed;
  if (!present || best_simd_tier() != SimdTier::avx512) return "this CPU lacks " + needed;
  return tier == SimdTier::avx512 ? "" : needed + " needs the SIMD tier avx512, which is not in use";
#else
  (void)tier;
  return "this CPU lacks " + needed;
#endif
}

const HalfKernels& half_kernels(Precision precision) {
#if defined(LM_HAS_BF16)
  static const HalfKernels bf16_kernels = bf16::kernels_of_format();
  if (precision == Precision::bf16) return bf16_kernels;
#endif
#if defined(LM_HAS_FP16)
  static const HalfKernels fp16_kernels = fp16::kernels_of_format();
  if (precision == Precision::fp16) return fp16_kernels;
#endif
  throw InternalError(std::string("no kernels for ") + to_string(precision));
}

namespace {

/// Seconds that the products of a middling layer take, the best of a few.
double seconds_of(Compute& compute, Precision precision) {
  using Clock = std::chrono::steady_clock;
  constexpr std::int64_t kRows = 1024, kInputs = 256, kOutputs = 512;
  std::vector<float> memory(static_cast<std::size_t>((kRows + kOutputs) * (kInputs + kOutputs) + kRows * kInputs), 0.5f);
  float* next = memory.data();
  const auto matrix = [&](std::int64_t rows, std::int64_t columns) {
    const TensorView<float> view(next, rows, columns);
    next += view.size();
    return view;
  };
  const TensorView<float> x = matrix(kRows, kInputs), y = matrix(kRows, kOutputs), weight = matrix(kOutputs, kInputs);
  const TensorView<float> dx = matrix(kRows, kInputs);
  std::vector<std::uint16_t> halves(static_cast<std::size_t>(2 * half_weight_size(precision, kOutputs, kInputs)));
  LinearWeight<float> linear(weight);
  linear.half = {.precision = precision, .across = halves.data(), .along = halves.data() + halves.size() / 2};
  round_weight(compute, linear);
  double best = 1e9;
  for (int repeat = 0; repeat < 5; ++repeat) {
    const auto start = Clock::now();
    linear_forward<float>(compute, y, x, linear, {});
    linear_backward_input<float>(compute, dx, y, linear, Write::overwrite);
    linear_backward_weight<float>(compute, weight, {}, y, x, precision);
    best = std::min(best, std::chrono::duration<double>(Clock::now() - start).count());
  }
  return best;
}

}  // namespace

Precision fastest_precision(Compute& compute) {
  // A 16-bit format must win by more than the noise of so short a measurement: fp32 is the more exact.
  constexpr double kClearly = 0.85;
  Precision fastest = Precision::fp32;
  double least = 0;
  for (const Precision precision : {Precision::bf16, Precision::fp16}) {
    if (!missing_for(precision, compute.simd()).empty()) continue;
    if (least == 0) least = kClearly * seconds_of(compute, Precision::fp32);
    const double seconds = seconds_of(compute, precision);
    if (seconds >= least) continue;
    least = seconds;
    fastest = precision;
  }
  // What the measurement used goes back to the system, not to what is foretold of the program's memory.
#if defined(__GLIBC__)
  malloc_trim(0);
#endif
  return fastest;
}

}  // namespace lm
