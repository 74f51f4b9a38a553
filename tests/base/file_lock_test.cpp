#include "base/file_lock.h"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/error.h"
#include "support/test_data.h"

namespace lm {

namespace {

namespace fs = std::filesystem;

using test::put;

std::string host_name() {
  char name[256] = "";
  gethostname(name, sizeof name - 1);
  return name;
}

/// What taking the lock says; empty if it succeeds.
std::string lock_refusal(const std::string& path) {
  try {
    const FileLock lock(path);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("a lock says who holds it, refuses others by that name, and leaves nothing behind") {
  const test::TemporaryFolder folder;
  {
    const FileLock lock(folder.path("model"));
    CHECK(lock.held());
    CHECK(test::read_file(folder.path(".model.lock")) == std::to_string(getpid()) + " " + host_name() + "\n");
    const std::string message = lock_refusal(folder.path("model"));
    CHECK(message.find("process " + std::to_string(getpid()) + " on host '" + host_name() + "'") != std::string::npos);
    CHECK(message.find("'" + folder.path("model") + "'") != std::string::npos);
    CHECK(fs::exists(folder.path(".model.lock")));
  }
  CHECK(fs::is_empty(folder.path("")));
  CHECK(lock_refusal(folder.path("model")).empty());
}

TEST_CASE("what a killed owner leaves is taken over and then removed") {
  const test::TemporaryFolder folder;
  const pid_t child = fork();
  if (child == 0) {
    const FileLock lock(folder.path("model"));
    kill(getpid(), SIGKILL);
  }
  waitpid(child, nullptr, 0);
  CHECK(test::read_file(folder.path(".model.lock")).starts_with(std::to_string(child) + " "));
  {
    const FileLock lock(folder.path("model"));
    CHECK(lock.held());
    CHECK(test::read_file(folder.path(".model.lock")).starts_with(std::to_string(getpid()) + " "));
  }
  CHECK(fs::is_empty(folder.path("")));
}

TEST_CASE("one file or folder has one lock, whatever it is called") {
  const test::TemporaryFolder folder;
  put(folder.path("file"), "");
  fs::create_directory(folder.path("there"));
  fs::create_symlink("file", folder.path("link"));
  fs::create_symlink("there", folder.path("linked"));
  const FileLock file(folder.path("link"));
  CHECK_FALSE(lock_refusal(folder.path("there/../file")).empty());
  const FileLock model(folder.path("there/"));
  CHECK_FALSE(lock_refusal(folder.path("linked")).empty());
  CHECK_FALSE(lock_refusal(folder.path("there/.")).empty());
  CHECK(fs::is_empty(folder.path("there")));
  CHECK(lock_refusal(folder.path("other")).empty());
}

TEST_CASE("what is no file has no lock, and a folder that is not there is left to whoever writes") {
  const test::TemporaryFolder folder;
  REQUIRE(mkfifo(folder.path("pipe").c_str(), 0600) == 0);
  for (const std::string& path : {std::string(), std::string("-"), std::string("/dev/null"), std::string("/dev/stdout"),
                                  folder.path("pipe"), folder.path("nowhere/model")}) {
    CAPTURE(path);
    const FileLock lock(path);
    CHECK_FALSE(lock.held());
  }
  CHECK_FALSE(fs::exists("/dev/.null.lock"));
  CHECK_FALSE(fs::exists(folder.path(".pipe.lock")));
}

TEST_CASE("a file of another kind that has the name of a lock is refused and stays as it is") {
  const test::TemporaryFolder folder;
  put(folder.path(".a.lock"), "12 eggs\nand milk\n");
  put(folder.path("precious"), "1 gem\n");
  fs::create_symlink("precious", folder.path(".b.lock"));
  fs::create_directory(folder.path(".c.lock"));
  CHECK(lock_refusal(folder.path("c")).find(".c.lock") != std::string::npos);
  CHECK(lock_refusal(folder.path("a")).find(".a.lock") != std::string::npos);
  CHECK(lock_refusal(folder.path("b")).find(".b.lock") != std::string::npos);
  CHECK(test::read_file(folder.path(".a.lock")) == "12 eggs\nand milk\n");
  CHECK(test::read_file(folder.path("precious")) == "1 gem\n");
  CHECK(fs::is_symlink(folder.path(".b.lock")));
}

TEST_CASE("a name as long as the system allows has a lock") {
  const test::TemporaryFolder folder;
  CHECK(FileLock(folder.path(std::string(255, 'n'))).held());
}

TEST_CASE("never do two hold one lock, while it is made and removed all the time") {
  const test::TemporaryFolder folder;
  const std::string path = folder.path("model");
  std::atomic<int> holders = 0;
  std::atomic<int> most = 0;
  std::atomic<int> taken = 0;
  std::vector<std::thread> threads;
  for (int number = 0; number < 3; ++number) {
    threads.emplace_back([&] {
      for (int round = 0; round < 40;) {
        try {
          const FileLock lock(path);
          if (!lock.held()) continue;
          if (++holders > 1) most = 2;
          std::this_thread::yield();
          --holders;
          ++taken;
          ++round;
        } catch (const Error&) {
          std::this_thread::yield();
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(most == 0);
  CHECK(taken == 120);
  CHECK(fs::is_empty(folder.path("")));
}

}  // namespace lm
