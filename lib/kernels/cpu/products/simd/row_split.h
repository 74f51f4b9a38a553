// Rows of a product in blocks that its micro-kernels take.
#pragma once

#include <cstdint>

namespace lm::LM_TIER {
namespace {

/// Rows cut as evenly as possible into blocks of at most kMostRows, so that no block is left nearly empty.
template <std::int64_t kMostRows, std::int64_t kMostPassBlocks>
struct EvenRows {
  explicit EvenRows(std::int64_t rows)
      : blocks((rows + kMostRows - 1) / kMostRows), base(blocks > 0 ? rows / blocks : 0), larger(rows - base * blocks) {}
  std::int64_t count(std::int64_t block) const { return base + (block < larger ? 1 : 0); }
  std::int64_t first(std::int64_t block) const { return block * base + (block < larger ? block : larger); }
  /// Blocks that pass over the panels together: equal parts of at most kMostPassBlocks.
  std::int64_t pass_blocks() const {
    const std::int64_t passes = (blocks + kMostPassBlocks - 1) / kMostPassBlocks;
    return passes > 0 ? (blocks + passes - 1) / passes : 1;
  }
  std::int64_t blocks, base, larger;
};

}  // namespace
}  // namespace lm::LM_TIER
