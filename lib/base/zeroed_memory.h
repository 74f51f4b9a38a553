// Memory for large tables: zeros, page by page taken when it is first touched, in huge pages if the system has them.
#pragma once

#include <cstddef>

namespace lm {

class ZeroedMemory {
 public:
  ZeroedMemory() = default;
  /// Throws std::bad_alloc.
  explicit ZeroedMemory(std::size_t bytes);
  ZeroedMemory(ZeroedMemory&& other) noexcept;
  ZeroedMemory& operator=(ZeroedMemory&& other) noexcept;
  ~ZeroedMemory();
  /// Returns the memory, aligned to 2 MiB; null if there is none.
  void* data() const { return data_; }

 private:
  void* mapped_ = nullptr;
  std::size_t size_ = 0;
  void* data_ = nullptr;
};

}  // namespace lm
