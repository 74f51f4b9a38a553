#include "base/page_array.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <new>

namespace lm {

namespace {

constexpr std::size_t kPage = 4096;

void* map_pages(std::size_t bytes) {
  void* data = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (data == MAP_FAILED) throw std::bad_alloc();
  return data;
}

void* move_pages(void* data, std::size_t from, std::size_t to) {
#if defined(MREMAP_MAYMOVE)
  void* moved = ::mremap(data, from, to, MREMAP_MAYMOVE);
  if (moved == MAP_FAILED) throw std::bad_alloc();
  return moved;
#else
  void* moved = map_pages(to);
  std::memcpy(moved, data, std::min(from, to));
  ::munmap(data, from);
  return moved;
#endif
}

}  // namespace

std::size_t Pages::rounded(std::size_t bytes) { return (bytes + kPage - 1) / kPage * kPage; }

void Pages::resize(std::size_t bytes) {
  const std::size_t wanted = rounded(bytes);
  if (wanted == bytes_) return;
  if (wanted == 0) {
    ::munmap(data_, bytes_);
    data_ = nullptr;
  } else {
    data_ = bytes_ == 0 ? map_pages(wanted) : move_pages(data_, bytes_, wanted);
  }
  bytes_ = wanted;
}

}  // namespace lm
