// Arena: one aligned allocation that many named views share.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>

#include "base/error.h"
#include "base/round.h"

namespace lm {

/// Owns `size` elements of T, zeroed and aligned to 64 bytes; a large arena is made of huge pages if the system has them.
/// Throws Error if memory is short.
template <class T>
class Arena {
 public:
  Arena() = default;
  explicit Arena(std::int64_t size) : size_(size), data_(allocate(size)) {}
  /// Returns the bytes that an arena of `size` elements takes: whole pages if it is large.
  static std::int64_t bytes(std::int64_t size);
  T* data() const { return data_.get(); }
  std::int64_t size() const { return size_; }
  T* at(std::int64_t offset) const { return data_.get() + offset; }

 private:
  struct Free {
    void operator()(T* pointer) const { std::free(pointer); }
  };
  static T* allocate(std::int64_t size);
  std::int64_t size_ = 0;
  std::unique_ptr<T, Free> data_;
};

/// Returns how many bytes allocate_zeroed() takes for `bytes`.
std::size_t allocated_size(std::size_t bytes);
/// Gives the whole pages inside some memory back to the system; its content is then unspecified.
void release_pages(void* memory, std::size_t bytes);
/// Allocates memory that std::free() releases. Throws Error if there is not enough.
void* allocate_zeroed(std::size_t bytes);

template <class T>
std::int64_t Arena<T>::bytes(std::int64_t size) {
  return static_cast<std::int64_t>(allocated_size(static_cast<std::size_t>(size) * sizeof(T)));
}

template <class T>
T* Arena<T>::allocate(std::int64_t size) {
  LM_CHECK(size >= 0);
  return static_cast<T*>(allocate_zeroed(static_cast<std::size_t>(size) * sizeof(T)));
}

}  // namespace lm
