// Measures every kernel at training's shapes, beside what the machine can do, as a fraction of it:
//     products, attention    GFLOP/s, of the peak of fused multiply-adds
//     the rest               GB/s read and written, of reading from the cache or memory that holds the working set
// LM_BENCH_THREADS and LM_BENCH_TIER choose; options are Google Benchmark's, such as --benchmark_filter=attention.
#include <cstdio>
#include <string>
#include <vector>

#include "measure.h"

int main(int count, char** arguments) {
  using namespace lm::bench;
  // Before the given ones, which thus win.
  std::vector<std::string> options = {arguments[0], "--benchmark_counters_tabular=true", "--benchmark_min_time=0.1"};
  options.insert(options.end(), arguments + 1, arguments + count);
  std::vector<char*> pointers;
  for (std::string& option : options) pointers.push_back(option.data());
  count = static_cast<int>(pointers.size());
  benchmark::Initialize(&count, pointers.data());
  if (benchmark::ReportUnrecognizedArguments(count, pointers.data())) return 2;
  register_products();
  register_attention();
  register_rows();
  benchmark::AddCustomContext("tier", lm::to_string(compute().simd()));
  benchmark::AddCustomContext("threads", std::to_string(compute().pool().threads()));
  benchmark::RunSpecifiedBenchmarks();
}
