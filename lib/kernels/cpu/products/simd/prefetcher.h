// Prefetching of what a thread reads next, while a product computes.
#pragma once

#include "kernels/cpu/products/product.h"
#include "kernels/cpu/simd/vector.h"

namespace lm::LM_TIER {
namespace {

/// Prefetches what is read next, a piece at a time, so that it comes into the second-level cache while a product computes.
class Prefetcher {
 public:
  /// `turns`: how many calls of fetch_some() there will be.
  LM_INLINE Prefetcher(const ReadNext& next, std::int64_t turns)
      : row_(next.data),
        stride_(next.stride),
        rows_(next.rows),
        bytes_(next.bytes),
        piece_(turns > 0 ? (next.rows * ((next.bytes + 63) / 64) + turns - 1) / turns : 0) {}
  LM_INLINE void fetch_some() {
    for (std::int64_t i = 0; i < piece_ && rows_ > 0; ++i) {
      __builtin_prefetch(row_ + at_, 0, 2);
      at_ += 64;
      if (at_ < bytes_) continue;
      at_ = 0;
      row_ += stride_;
      --rows_;
    }
  }

 private:
  const char* row_;
  std::int64_t stride_, rows_, bytes_, piece_;
  std::int64_t at_ = 0;
};

}  // namespace
}  // namespace lm::LM_TIER
