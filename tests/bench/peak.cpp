// Prints the machine's measured fp32 multiply-add peak in GFLOP/s, of which MFU is a fraction: bench_peak [THREADS], default 2.
#include <cstdio>
#include <cstdlib>

#include "kernels/compute.h"

int main(int argc, char** argv) {
  lm::Compute compute(argc > 1 ? std::atoi(argv[1]) : 2, lm::best_simd_tier());
  std::printf("%.1f\n", lm::measure_peak_flops(compute, 500) / 1e9);
}
