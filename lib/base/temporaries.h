// Temporary files of this process, so that a signal which ends it can remove them.
#pragma once

#include <cstddef>
#include <string>

namespace lm {

/// Names a temporary file or folder while it exists: register it once it is created, and let go once it is renamed or
/// removed. remove_temporaries() removes those that are registered. A table of fixed size; what finds no room there, or has
/// a name longer than a path can be, is not registered.
class TemporaryName {
 public:
  enum class Kind { file, folder };
  explicit TemporaryName(const std::string& path, Kind kind = Kind::file);
  ~TemporaryName();
  TemporaryName(TemporaryName&& other) noexcept;
  TemporaryName& operator=(TemporaryName&&) = delete;

 private:
  std::size_t slot_;
};

/// Removes every registered file, and then every registered folder that is empty. For signal handlers: makes system calls
/// only.
void remove_temporaries() noexcept;

}  // namespace lm
