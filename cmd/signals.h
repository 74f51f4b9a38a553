// Signals that ask a long job to save: kStopSignals save and stop, SIGUSR1 saves and continues.
#pragma once

#include <array>
#include <csignal>

namespace lm::cmd {

constexpr std::array kStopSignals = {SIGTERM, SIGINT, SIGHUP, SIGXCPU, SIGPIPE};

/// Holds SIGUSR1 back until a SignalFlags exists, which then sees it: while tokens are read there is nothing to save yet,
/// and the default action would end the program. Call it before threads are started.
void hold_save_requests();

/// Notes from now on whether there was a SIGCONT, which Open MPI's mpirun, told to end, sends to its processes as it closes the
/// standard input that it passes on; SIGTERM follows seconds later.
void note_continuing();
bool was_continued();

/// While one exists, the first of kStopSignals only sets a flag. A SIGTERM or SIGINT after it ends the process by its
/// default action, unless it is the first signal again within 0.2 s: supervisors that signal a process and its group send it
/// twice. The others after it do nothing: the shell and the system both send SIGHUP, seconds apart, when a terminal is
/// closed; SIGXCPU comes every second, and SIGPIPE with every write. A signal that was ignored when the program started
/// (nohup) stays ignored. Blocking calls return with EINTR, which the library's readers retry: poll() the descriptor, or
/// check the flag between reads. There may be only one at a time.
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
  /// From now on SIGPIPE has its former action: what is written is the result, and nobody reads it.
  void end_with_pipes();

 private:
  std::array<struct sigaction, kStopSignals.size()> old_stop_ = {};
  struct sigaction old_user_ = {};
};

}  // namespace lm::cmd
