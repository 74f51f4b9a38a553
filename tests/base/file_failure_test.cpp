// The atomic writer when the system fails it: each call in turn, as a full or broken disk would.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdarg>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "base/error.h"
#include "base/file.h"
#include "base/file_lock.h"
#include "support/test_data.h"

namespace {

// Calls until the one that fails; negative: none will.
int calls_left = -1;
int error_to_give = 0;
bool failed = false;
bool must_be_told = false;

enum class Weight { vital, minor };  // minor: a lock or a close, without which the file is as good

bool fails_now(Weight weight) {
  if (calls_left < 0 || calls_left-- > 0) return false;
  failed = true;
  must_be_told = weight == Weight::vital;
  errno = error_to_give;
  return true;
}

}  // namespace

// These come before the C library's for everything in this program.
extern "C" {
ssize_t write(int descriptor, const void* bytes, size_t size) {
  return fails_now(Weight::vital) ? -1 : syscall(SYS_write, descriptor, bytes, size);
}
ssize_t pwrite(int descriptor, const void* bytes, size_t size, off_t offset) {
  return fails_now(Weight::vital) ? -1 : syscall(SYS_pwrite64, descriptor, bytes, size, offset);
}
int fsync(int descriptor) { return fails_now(Weight::vital) ? -1 : static_cast<int>(syscall(SYS_fsync, descriptor)); }
int fchmod(int descriptor, mode_t mode) noexcept {
  return fails_now(Weight::vital) ? -1 : static_cast<int>(syscall(SYS_fchmod, descriptor, mode));
}
int flock(int descriptor, int operation) noexcept {
  return fails_now(Weight::minor) ? -1 : static_cast<int>(syscall(SYS_flock, descriptor, operation));
}
int rename(const char* from, const char* to) noexcept {
  return fails_now(Weight::vital) ? -1 : static_cast<int>(syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0));
}
int close(int descriptor) {
  const int result = static_cast<int>(syscall(SYS_close, descriptor));
  return fails_now(Weight::minor) ? -1 : result;
}
int open(const char* path, int flags, ...) {
  mode_t mode = 0;
  if ((flags & O_CREAT) != 0) {
    va_list arguments;
    va_start(arguments, flags);
    mode = va_arg(arguments, mode_t);
    va_end(arguments);
  }
  return fails_now((flags & O_CREAT) != 0 ? Weight::vital : Weight::minor)
             ? -1
             : static_cast<int>(syscall(SYS_openat, AT_FDCWD, path, flags, mode));
}
}

namespace lm {

namespace {

void write_and_patch(const std::string& path, const std::string& text) {
  const auto output = open_output(path);
  output->write(text.substr(0, 200000));
  output->write(text.substr(200000));
  output->patch(0, "N", 1);
  output->close();
}

}  // namespace

TEST_CASE(
    "whichever call fails, and with which error, the old file or the whole new one is there, and no success without it") {
  const test::TemporaryFolder folder;
  const std::string path = folder.path("a");
  std::string text(300000, 'n');
  int reported = 0;
  for (const int error_number : {ENOSPC, EIO, EDQUOT}) {
    for (int call = 0;; ++call) {
      std::ofstream(path) << "old";
      failed = false;
      must_be_told = false;
      error_to_give = error_number;
      calls_left = call;
      bool threw = false;
      try {
        write_and_patch(path, text);
      } catch (const Error&) {
        threw = true;
      }
      calls_left = -1;
      CAPTURE(call);
      const std::string content = test::read_file(path);
      const bool is_new = content.size() == text.size() && content.starts_with("Nnn");
      CHECK((is_new || (threw && content == "old")));
      CHECK((threw || !must_be_told));
      CHECK(std::distance(std::filesystem::directory_iterator(folder.path("")), {}) == 1);
      reported += threw ? 1 : 0;
      if (!failed) break;
      REQUIRE(call < 100);
    }
  }
  CHECK(reported >= 3 * 6);  // creating, writing twice, patching, fchmod, fsync, rename at the least
}

TEST_CASE("a call that is interrupted is made again") {
  const test::TemporaryFolder folder;
  for (int call = 1; call < 6; ++call) {  // lock, two writes, patch, sync; 0 creates the file, which cannot be interrupted
    std::filesystem::remove(folder.path("a"));
    error_to_give = EINTR;
    calls_left = call;
    write_and_patch(folder.path("a"), std::string(300000, 'n'));
    CHECK(calls_left == -1);
    calls_left = -1;
    CHECK((test::read_file(folder.path("a")) == "N" + std::string(299999, 'n')));
  }
}

TEST_CASE("on a file system without locks a run continues without one, and leaves no file") {
  const test::TemporaryFolder folder;
  for (const int error_number : {ENOLCK, EOPNOTSUPP, EINVAL}) {
    error_to_give = error_number;
    calls_left = 0;
    const FileLock lock(folder.path("a"));
    CHECK(calls_left == -1);
    calls_left = -1;
    CHECK_FALSE(lock.held());
    CHECK(std::filesystem::is_empty(folder.path("")));
  }
}

}  // namespace lm
