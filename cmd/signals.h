// Signals that ask a long job to save: SIGTERM, SIGINT and SIGHUP save and stop, SIGUSR1 saves and goes on.
#pragma once

#include <csignal>

namespace lm::cmd {

/// While one exists, the first SIGTERM, SIGINT or SIGHUP only sets a flag, and a second SIGTERM or SIGINT ends the process
/// by its default action, except the same signal again within 0.2 s, which supervisors send that signal a process and its
/// group. A second SIGHUP does nothing: the shell and the system both send one, seconds apart, when a terminal is closed. A
/// signal that was ignored when the program started (nohup) stays ignored. Blocking calls return with EINTR, which the
/// library's readers retry: poll() the descriptor, or check the flag between reads. At most one at a time.
class SignalFlags {
 public:
  SignalFlags();
  ~SignalFlags();  // restores the former actions
  SignalFlags(const SignalFlags&) = delete;
  SignalFlags& operator=(const SignalFlags&) = delete;

  /// The number of the signal that asked to stop, 0 for none; the exit code then is 128 + it.
  int stop_signal() const;
  /// True once for each SIGUSR1 (several in a row may count as one).
  bool take_save_request();

 private:
  struct sigaction old_terminate_ = {};
  struct sigaction old_interrupt_ = {};
  struct sigaction old_hangup_ = {};
  struct sigaction old_user_ = {};
};

}  // namespace lm::cmd
