#include "tensor/arena.h"

#include <sys/mman.h>

#include <cstring>
#include <string>

namespace lm {

void* allocate_zeroed(std::size_t bytes) {
  constexpr std::size_t kHugePage = std::size_t{2} << 20;
  const std::size_t alignment = bytes >= kHugePage ? kHugePage : 64;
  const std::size_t rounded = (bytes + alignment - 1) / alignment * alignment;
  void* memory = std::aligned_alloc(alignment, rounded == 0 ? alignment : rounded);
  if (memory == nullptr) throw Error("out of memory: cannot allocate " + std::to_string(bytes) + " bytes");
  if (alignment == kHugePage) madvise(memory, rounded, MADV_HUGEPAGE);
  std::memset(memory, 0, rounded);
  return memory;
}

}  // namespace lm
