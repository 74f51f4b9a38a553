// Cached keys and values: how a head's numbers are held, for each CacheType (kernels/cached_rows.h).
#pragma once

#include <cstdint>

namespace lm {

struct CacheKernels {
  void (*store)(char* to, const float* x, std::int64_t width);
  void (*load)(float* y, const char* from, std::int64_t width);
};

/// In the order of CacheType.
struct CacheTable {
  CacheKernels of[4];
};

}  // namespace lm
