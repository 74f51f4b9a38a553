#include "signals.h"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <initializer_list>
#include <string>

#include "base/temporaries.h"

using lm::cmd::SignalFlags;

TEST_CASE("a request to save is taken once") {
  SignalFlags flags;
  CHECK_FALSE(flags.take_save_request());
  std::raise(SIGUSR1);
  CHECK(flags.take_save_request());
  CHECK_FALSE(flags.take_save_request());
  CHECK(flags.stop_signal() == 0);
}

TEST_CASE("the first stop signal sets a flag and the second, of either kind, ends the process") {
  for (const int second : {SIGTERM, SIGINT}) {
    CAPTURE(second);
    const pid_t child = fork();
    if (child == 0) {
      SignalFlags flags;
      std::raise(SIGTERM);
      if (flags.stop_signal() != SIGTERM) _exit(1);
      if (second == SIGTERM) usleep(300'000);
      std::raise(second);
      _exit(2);
    }
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    REQUIRE(WIFSIGNALED(status));
    CHECK(WTERMSIG(status) == second);
  }
}

TEST_CASE("the stop signal that ends the process removes its temporary files") {
  std::string path = "/tmp/lm-signals.XXXXXX";
  const int file = mkstemp(path.data());
  REQUIRE(file >= 0);
  close(file);
  const pid_t child = fork();
  if (child == 0) {
    const lm::TemporaryName name(path);
    SignalFlags flags;
    std::raise(SIGTERM);
    if (access(path.c_str(), F_OK) != 0) _exit(1);
    std::raise(SIGINT);
    _exit(2);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(WIFSIGNALED(status));
  CHECK(access(path.c_str(), F_OK) != 0);
}

TEST_CASE("the same stop signal at once is the same request") {
  // A machine that stalls can make two of it: then again.
  bool survived = false;
  for (int attempt = 0; attempt < 5 && !survived; ++attempt) {
    const pid_t child = fork();
    if (child == 0) {
      SignalFlags flags;
      std::raise(SIGTERM);
      std::raise(SIGTERM);
      _exit(flags.stop_signal());
    }
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    survived = WIFEXITED(status) && WEXITSTATUS(status) == SIGTERM;
  }
  CHECK(survived);
}

TEST_CASE("a terminal that closes says so more than once, and that ends nothing") {
  const pid_t child = fork();
  if (child == 0) {
    SignalFlags flags;
    std::raise(SIGHUP);
    usleep(300'000);
    std::raise(SIGHUP);
    _exit(flags.stop_signal());
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  REQUIRE(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == SIGHUP);
}

TEST_CASE("a signal that was ignored stays ignored, and actions are put back") {
  struct sigaction before = {};
  struct sigaction after = {};
  sigaction(SIGTERM, nullptr, &before);
  std::signal(SIGINT, SIG_IGN);
  {
    SignalFlags flags;
    std::raise(SIGINT);
    CHECK(flags.stop_signal() == 0);
    sigaction(SIGTERM, nullptr, &after);
    CHECK((after.sa_handler != before.sa_handler));
  }
  sigaction(SIGINT, nullptr, &after);
  CHECK((after.sa_handler == SIG_IGN));
  std::signal(SIGINT, SIG_DFL);
  sigaction(SIGTERM, nullptr, &after);
  CHECK((after.sa_handler == before.sa_handler));
}
