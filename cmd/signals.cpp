#include "signals.h"

#include <time.h>

#include <algorithm>
#include <atomic>
#include <cstdint>

#include "base/temporaries.h"

namespace lm::cmd {
namespace {

// Handlers can reach nothing but statics; these are the only ones in the programs.
volatile std::sig_atomic_t stop_signal_seen = 0;
volatile std::sig_atomic_t save_requested = 0;
volatile std::sig_atomic_t continued = 0;
std::atomic<std::int64_t> stop_milliseconds = 0;
static_assert(std::atomic<std::int64_t>::is_always_lock_free);

// One request comes twice if a supervisor signals the process and its group, as timeout(1) does.
constexpr std::int64_t kSameRequestMilliseconds = 200;

std::int64_t milliseconds_now() {
  struct timespec now {};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * std::int64_t{1000} + now.tv_nsec / 1'000'000;
}

void on_stop(int signal_number) {
  const std::int64_t now = milliseconds_now();
  if (stop_signal_seen != 0) {
    if (signal_number != SIGTERM && signal_number != SIGINT) return;
    if (signal_number == stop_signal_seen && now - stop_milliseconds < kSameRequestMilliseconds) return;
    remove_temporaries();
    std::signal(signal_number, SIG_DFL);
    std::raise(signal_number);  // blocked until this handler returns
    return;
  }
  stop_milliseconds = now;
  stop_signal_seen = signal_number;
}

void on_save(int) { save_requested = 1; }

void on_continue(int) { continued = 1; }

void install(int signal_number, void (*handler)(int), struct sigaction& old) {
  sigaction(signal_number, nullptr, &old);
  if (old.sa_handler == SIG_IGN) return;
  struct sigaction action = {};
  action.sa_handler = handler;
  sigemptyset(&action.sa_mask);
  sigaction(signal_number, &action, nullptr);
}

void mask_save_requests(int how) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  pthread_sigmask(how, &set, nullptr);
}

}  // namespace

void hold_save_requests() { mask_save_requests(SIG_BLOCK); }

void note_continuing() {
  struct sigaction action = {};
  action.sa_handler = on_continue;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  sigaction(SIGCONT, &action, nullptr);
}

bool was_continued() { return continued != 0; }

SignalFlags::SignalFlags() {
  stop_signal_seen = 0;
  save_requested = 0;
  for (std::size_t i = 0; i < kStopSignals.size(); ++i) install(kStopSignals[i], on_stop, old_stop_[i]);
  install(SIGUSR1, on_save, old_user_);
  mask_save_requests(SIG_UNBLOCK);
}

SignalFlags::~SignalFlags() {
  for (std::size_t i = 0; i < kStopSignals.size(); ++i) sigaction(kStopSignals[i], &old_stop_[i], nullptr);
  sigaction(SIGUSR1, &old_user_, nullptr);
}

void SignalFlags::end_with_pipes() {
  const auto place = std::find(kStopSignals.begin(), kStopSignals.end(), SIGPIPE) - kStopSignals.begin();
  sigaction(SIGPIPE, &old_stop_[static_cast<std::size_t>(place)], nullptr);
}

int SignalFlags::stop_signal() const { return stop_signal_seen; }

bool SignalFlags::take_save_request() {
  if (save_requested == 0) return false;
  save_requested = 0;
  return true;
}

}  // namespace lm::cmd
