#include "tensor/arena.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <string>

namespace lm {

namespace {

constexpr std::size_t kHugePage = std::size_t{2} << 20;

std::size_t alignment_of(std::size_t bytes) { return bytes >= kHugePage ? kHugePage : 64; }

}  // namespace

std::size_t allocated_size(std::size_t bytes) {
  const std::size_t alignment = alignment_of(bytes);
  return std::max(alignment, round_up(bytes, alignment));
}

void release_pages(void* memory, std::size_t bytes) {
  const auto page = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
  const auto start = reinterpret_cast<std::uintptr_t>(memory);
  const std::uintptr_t first = round_up(start, page), end = (start + bytes) / page * page;
  if (first < end) madvise(static_cast<char*>(memory) + (first - start), end - first, MADV_DONTNEED);
}

void* allocate_zeroed(std::size_t bytes) {
  const std::size_t alignment = alignment_of(bytes), rounded = allocated_size(bytes);
  void* memory = std::aligned_alloc(alignment, rounded);
  if (memory == nullptr) throw Error("out of memory: cannot allocate " + std::to_string(bytes) + " bytes");
  if (alignment == kHugePage) madvise(memory, rounded, MADV_HUGEPAGE);
  std::memset(memory, 0, rounded);
  return memory;
}

}  // namespace lm
