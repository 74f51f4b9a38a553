// What errors say of memory: a value of --memory that would do.
#pragma once

#include <cstdint>
#include <string>

namespace lm {

/// Returns "--memory 43M would do", for what takes so many bytes together with the program. A little more than that, since
/// with more memory more text is held at a time.
inline std::string memory_that_would_do(std::uint64_t bytes) {
  constexpr std::uint64_t kMebibyte = std::uint64_t{1} << 20U;
  return "--memory " + std::to_string((bytes + bytes / 24) / kMebibyte + 2) + "M would do";
}

}  // namespace lm
