#include "text/vocabulary/byte_hash.h"

#include <random>

namespace lm {

std::uint64_t hash_seed() {
  std::random_device random;
  return std::uint64_t{random()} << 32 | random();
}

}  // namespace lm
