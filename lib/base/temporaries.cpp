#include "base/temporaries.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <climits>
#include <cstring>

namespace lm {

namespace {

enum class State : int { free, taken, file, folder };

struct Slot {
  std::atomic<State> state = State::free;
  std::array<char, PATH_MAX> path{};
};

constexpr std::size_t kSlots = 16;
constexpr std::size_t kNone = kSlots;
static_assert(std::atomic<State>::is_always_lock_free);

// A handler can reach nothing but statics. A path is complete before the state says what it names.
std::array<Slot, kSlots> slots;

void remove_all(State kind, int flags) noexcept {
  for (Slot& slot : slots) {
    if (slot.state == kind) unlinkat(AT_FDCWD, slot.path.data(), flags);
  }
}

}  // namespace

TemporaryName::TemporaryName(const std::string& path, Kind kind) : slot_(kNone) {
  if (path.size() >= PATH_MAX) return;
  for (std::size_t i = 0; i < kSlots; ++i) {
    State expected = State::free;
    if (!slots[i].state.compare_exchange_strong(expected, State::taken)) continue;
    std::memcpy(slots[i].path.data(), path.c_str(), path.size() + 1);
    slots[i].state = kind == Kind::file ? State::file : State::folder;
    slot_ = i;
    return;
  }
}

TemporaryName::~TemporaryName() {
  if (slot_ != kNone) slots[slot_].state = State::free;
}

TemporaryName::TemporaryName(TemporaryName&& other) noexcept : slot_(other.slot_) { other.slot_ = kNone; }

void remove_temporaries() noexcept {
  const int error_number = errno;
  remove_all(State::file, 0);
  remove_all(State::folder, AT_REMOVEDIR);
  errno = error_number;
}

}  // namespace lm
