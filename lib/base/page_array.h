// PageArray: a large array whose memory is counted exactly: whole pages from the system, and back to it at once.
#pragma once

#include <cstddef>
#include <span>
#include <type_traits>
#include <utility>

namespace lm {

/// Anonymous pages. Growing moves them and copies nothing, where the system can do that.
class Pages {
 public:
  Pages() = default;
  Pages(Pages&& other) noexcept : data_(std::exchange(other.data_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
  Pages& operator=(Pages&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~Pages() { resize(0); }
  void* data() const { return data_; }
  std::size_t bytes() const { return bytes_; }
  /// Has at least `bytes` then, in whole pages; what is new is zero. Throws std::bad_alloc.
  void resize(std::size_t bytes);
  /// Returns how many bytes resize() would take.
  static std::size_t rounded(std::size_t bytes);

 private:
  void* data_ = nullptr;
  std::size_t bytes_ = 0;
};

/// An array of plain values that begins as zeros. Its address changes when it grows.
template <class T>
class PageArray {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  PageArray() = default;
  explicit PageArray(std::size_t size) { resize(size); }
  T* data() const { return static_cast<T*>(pages_.data()); }
  std::size_t size() const { return size_; }
  T& operator[](std::size_t index) const { return data()[index]; }
  std::span<T> span() const { return {data(), size_}; }
  /// Sets the size; elements that were there before are kept, new ones are zero if there never were more.
  void resize(std::size_t size) {
    pages_.resize(size * sizeof(T));
    size_ = size;
  }
  /// Gives all memory back.
  void reset() { *this = PageArray(); }
  /// Returns the bytes that it takes, used or not.
  std::size_t bytes() const { return pages_.bytes(); }

 private:
  Pages pages_;
  std::size_t size_ = 0;
};

}  // namespace lm
