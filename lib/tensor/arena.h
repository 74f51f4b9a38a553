// Arena: one aligned allocation that many named views share.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>
#include <span>

#include "base/error.h"
#include "base/round.h"

namespace lm {

/// `size` elements of T, zeroed, aligned to 64 bytes, huge pages advised where it is large. Throws Error where memory is
/// short.
template <class T>
class Arena {
 public:
  Arena() = default;
  explicit Arena(std::int64_t size) : size_(size), data_(allocate(size)) {}
  /// Bytes that an arena of `size` elements takes: whole pages where it is large.
  static std::int64_t bytes(std::int64_t size);
  T* data() const { return data_.get(); }
  std::int64_t size() const { return size_; }
  std::span<T> span() const { return {data_.get(), static_cast<std::size_t>(size_)}; }
  T* at(std::int64_t offset) const { return data_.get() + offset; }

 private:
  struct Free {
    void operator()(T* pointer) const { std::free(pointer); }
  };
  static T* allocate(std::int64_t size);
  std::int64_t size_ = 0;
  std::unique_ptr<T, Free> data_;
};

/// Elements rounded up so that the next tensor in an arena starts on a 64-byte boundary.
template <class T>
constexpr std::int64_t aligned_size(std::int64_t size) {
  constexpr std::int64_t kUnit = 64 / static_cast<std::int64_t>(sizeof(T));
  return round_up(size, kUnit);
}

/// What allocate_zeroed() makes of so many bytes.
std::size_t allocated_size(std::size_t bytes);
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
