// Counter-based random numbers: the same key and position always give the same bits, so nothing hidden needs saving.
#pragma once

#include <array>
#include <cstdint>

namespace lm {

/// Computes Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011): 128 random bits at a
/// counter.
std::array<std::uint32_t, 4> philox(std::uint64_t key, std::uint64_t counter_low, std::uint64_t counter_high);

/// What a stream of random numbers is for: streams of one seed never meet.
enum class RngPurpose : std::uint32_t {
  initial_weights = 1,
  data_order = 2,
  data_offset = 3,
  dropout = 4,
  objective = 5,
  mixture = 6,
  sampling = 7,
  test = 8,
  bootstrap = 9,
  folds = 10,
};

/// A stream of numbers at (seed, purpose, index): index is the tensor, sequence or token that the draws belong to.
class Rng {
 public:
  Rng(std::uint64_t seed, RngPurpose purpose, std::uint64_t index = 0);
  std::uint32_t next_u32();
  std::uint64_t next_u64();
  /// Draws uniformly from [0, 1), with 53 bits.
  double uniform();
  /// Draws an integer uniformly from [0, bound), without bias (Lemire 2019). bound > 0.
  std::uint64_t below(std::uint64_t bound);
  /// Draws from the standard normal distribution (Box-Muller; both values of a pair are used).
  double normal();

 private:
  std::uint64_t key_;
  std::uint64_t index_;
  std::uint64_t position_ = 0;
  std::array<std::uint32_t, 4> block_{};
  int used_ = 4;
  double spare_normal_ = 0;
  bool has_spare_ = false;
};

/// Returns a 64-bit mix of a seed and a purpose, the key that Rng uses; kernels that draw by position (dropout) take it.
std::uint64_t rng_key(std::uint64_t seed, RngPurpose purpose);

}  // namespace lm
