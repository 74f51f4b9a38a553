// Runs a reader under a limit of memory: to refuse a bad file must take no more than twice the file plus 16 MiB.
#pragma once

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <fstream>
#include <new>
#include <string>

#include "base/error.h"

namespace lm::test {

/// With sanitizers, which take memory of their own, no limit is set.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kLimitsMemory = false;
#else
inline constexpr bool kLimitsMemory = true;
#endif

enum class Outcome { accepted, refused, out_of_memory, crashed };

/// Returns what `body` does in a child process that may take `bytes` more memory than this one has (if kLimitsMemory).
template <class Body>
Outcome with_memory_limit(std::uint64_t bytes, Body body) {
  const pid_t child = fork();
  if (child == 0) {
    if (kLimitsMemory) {
      std::ifstream status("/proc/self/status");
      std::uint64_t data = 0;
      for (std::string word; status >> word;) {
        if (word == "VmData:") status >> data;
      }
      const rlim_t limit = data * 1024 + bytes;
      const rlimit limits{.rlim_cur = limit, .rlim_max = limit};
      setrlimit(RLIMIT_DATA, &limits);
    }
    Outcome outcome = Outcome::accepted;
    try {
      body();
    } catch (const Error&) {
      outcome = Outcome::refused;
    } catch (const std::bad_alloc&) {
      outcome = Outcome::out_of_memory;
    }
    _exit(static_cast<int>(outcome));
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? static_cast<Outcome>(WEXITSTATUS(status)) : Outcome::crashed;
}

}  // namespace lm::test
