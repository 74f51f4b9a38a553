#include "base/zeroed_memory.h"

#include <sys/mman.h>

#include <cstdint>
#include <new>
#include <utility>

namespace lm {

namespace {
constexpr std::size_t kHugePage = std::size_t{2} << 20;
}

ZeroedMemory::ZeroedMemory(std::size_t bytes) : size_(bytes + kHugePage) {
  mapped_ = ::mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapped_ == MAP_FAILED) throw std::bad_alloc();
  const auto address = reinterpret_cast<std::uintptr_t>(mapped_);
  data_ = static_cast<char*>(mapped_) + (kHugePage - address % kHugePage) % kHugePage;
#if defined(MADV_HUGEPAGE)
  ::madvise(data_, bytes, MADV_HUGEPAGE);  // a wish
#endif
}

ZeroedMemory::ZeroedMemory(ZeroedMemory&& other) noexcept
    : mapped_(std::exchange(other.mapped_, nullptr)),
      size_(std::exchange(other.size_, 0)),
      data_(std::exchange(other.data_, nullptr)) {}

ZeroedMemory& ZeroedMemory::operator=(ZeroedMemory&& other) noexcept {
  std::swap(mapped_, other.mapped_);
  std::swap(size_, other.size_);
  std::swap(data_, other.data_);
  return *this;
}

ZeroedMemory::~ZeroedMemory() {
  if (mapped_ != nullptr) ::munmap(mapped_, size_);
}

}  // namespace lm
