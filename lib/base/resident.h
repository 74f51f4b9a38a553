// What memory this process takes, as the system counts it.
#pragma once

#include <cstdint>

namespace lm {

/// Bytes of this process that are in memory; 0 if the system does not report them.
struct ResidentMemory {
  std::int64_t now = 0;
  std::int64_t files = 0;  // of these, mapped files, whose pages the system may take back
  std::int64_t peak = 0;   // the most that there ever was
};
ResidentMemory resident_memory();

}  // namespace lm
