// Layout: a list of views, stated once, from which the size of their memory and their places in it both follow.
#pragma once

#include <cstdint>

#include "base/round.h"
#include "tensor/arena.h"
#include "tensor/view.h"

namespace lm {

/// Cuts one piece of memory into views, each of which begins on a line of the cache (64 bytes). A list is a function of a
/// layout that places one view after the other. It is run twice: without memory, when views get their shapes only and
/// bytes() says how much they need, and then with so much memory.
class Layout {
 public:
  explicit Layout(void* memory = nullptr) : memory_(static_cast<char*>(memory)) {}

  /// Makes `view` the next `shape...` elements.
  template <class T, class... Sizes>
  void place(TensorView<T>& view, Sizes... shape) {
    view = TensorView<T>(take<T>((std::int64_t{1} * ... * shape)), shape...);
  }
  /// Returns the next `count` elements; null without memory.
  template <class T>
  T* take(std::int64_t count) {
    align();
    T* start = append<T>(count);
    align();
    return start;
  }

  /// The same, directly after what came before: for neighbours that one wider view joins.
  template <class T>
  T* append(std::int64_t count) {
    T* start = at<T>(position<T>());
    bytes_ += count * static_cast<std::int64_t>(sizeof(T));
    return start;
  }
  /// Makes the next view begin on a line.
  void align() { bytes_ = round_up(bytes_, kLine); }
  /// Returns how many elements of T were placed so far, gaps included.
  template <class T>
  std::int64_t position() const {
    return bytes_ / static_cast<std::int64_t>(sizeof(T));
  }
  /// Returns the element at a position; null without memory.
  template <class T>
  T* at(std::int64_t position) const {
    return memory_ == nullptr ? nullptr : reinterpret_cast<T*>(memory_) + position;
  }
  std::int64_t bytes() const { return bytes_; }

 private:
  static constexpr std::int64_t kLine = 64;
  char* memory_;
  std::int64_t bytes_ = 0;
};

/// Returns an arena that holds the views of `list`, which are placed in it.
template <class T, class List>
Arena<T> place_views(List&& list) {
  Layout measured;
  list(measured);
  Arena<T> arena(measured.position<T>());
  Layout placed(arena.data());
  list(placed);
  return arena;
}

/// Returns the bytes that place_views() would allocate.
template <class List>
std::int64_t view_bytes(List&& list) {
  Layout measured;
  list(measured);
  return static_cast<std::int64_t>(allocated_size(static_cast<std::size_t>(measured.bytes())));
}

}  // namespace lm
