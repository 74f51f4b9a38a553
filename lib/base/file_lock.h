// The lock by which a run keeps other runs from writing the file that it will write itself, from its start to its end.
//
// The lock is flock(2) on a neighbour of the file, ".NAME.lock", because the file itself need not exist yet and is replaced
// by a rename. The neighbour says who holds it: "PID HOST". The owner removes it at the end; what a killed owner leaves is
// unlocked, and taken over by the next run. On a file system without locks, runs continue without one.
#pragma once

#include <optional>
#include <string>

#include "base/file.h"
#include "base/temporaries.h"

namespace lm {

class FileLock {
 public:
  /// Takes the lock of the file or folder that `path` is or will be, links followed. Takes none for "-", for what is neither
  /// (a pipe, a device), and if no lock can be made. Throws Error if another run has it, naming its process and host.
  explicit FileLock(const std::string& path);
  FileLock(FileLock&&) noexcept = default;
  FileLock& operator=(FileLock&&) = delete;
  ~FileLock();
  bool held() const { return file_.get() >= 0; }

 private:
  bool try_take(const std::string& path, const std::string& lock_path);
  FileDescriptor file_;
  std::optional<TemporaryName> registered_;
};

/// Takes the lock of an open file or folder if it is free, until the descriptor is closed. False, with errno, if it is held
/// or the file system has no locks.
bool try_lock(int descriptor);
/// Waits for the lock of an open file or folder; without locks it returns at once.
void wait_for_lock(int descriptor);
/// Returns whether `path` itself, not what a link leads to, is the open file.
bool is_still_named(int descriptor, const std::string& path);

}  // namespace lm
