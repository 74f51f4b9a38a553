// Token ids, as every layer sees them.
#pragma once

#include <cstdint>

namespace lm {

using TokenId = std::uint32_t;

/// 128-bit identity of a tokenizer (lm-tokens(5)), printed as XXH3's canonical (big-endian) order has it.
struct Fingerprint {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
  bool operator==(const Fingerprint&) const = default;
};

}  // namespace lm
