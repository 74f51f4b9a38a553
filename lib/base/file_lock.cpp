#include "base/file_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <filesystem>
#include <optional>
#include <system_error>
#include <thread>

#include "base/error.h"
#include "base/path.h"

namespace lm {

namespace {

constexpr std::size_t kLongestOwner = 300;

/// Returns the path under which every run knows the file or folder, whatever it was called.
std::string meant_by(const std::string& path) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) return std::filesystem::canonical(path).string();
  return follow_links(without_trailing_slashes(path));
}

bool can_be_locked(const std::string& path) {
  if (path.empty() || path == "-" || path == "/dev/stdout") return false;
  struct stat status {};
  return ::stat(path.c_str(), &status) != 0 || S_ISREG(status.st_mode) || S_ISDIR(status.st_mode);
}

/// Opens a lock file, which is made if there is none; that of another user for reading only.
int open_lock_file(const std::string& path) {
  constexpr int kFlags = O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
  const int descriptor = above_standard(::open(path.c_str(), O_RDWR | O_CREAT | kFlags, 0666));
  if (descriptor >= 0 || errno != EACCES) return descriptor;
  return above_standard(::open(path.c_str(), O_RDONLY | kFlags));
}

/// Who holds a lock: "PID HOST".
struct Owner {
  std::string process, host;
};

std::string read_start(int descriptor) {
  std::string text(kLongestOwner, '\0');
  const ssize_t size = ::pread(descriptor, text.data(), text.size(), 0);
  text.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
  return text;
}

/// Returns nothing if the text was not written by write_owner.
std::optional<Owner> parse_owner(const std::string& text) {
  const std::size_t blank = text.find(' ');
  if (blank == 0 || blank == std::string::npos || text.find('\n') != text.size() - 1) return std::nullopt;
  if (text.find_first_not_of("0123456789") != blank) return std::nullopt;
  return Owner{.process = text.substr(0, blank), .host = text.substr(blank + 1, text.size() - blank - 2)};
}

/// Writes who holds it, for people; without it (a full disk) the lock is as good.
void write_owner(int descriptor) {
  char host[256] = "";
  ::gethostname(host, sizeof host - 1);
  const std::string text = std::to_string(::getpid()) + " " + host + "\n";
  if (::ftruncate(descriptor, 0) != 0) return;
  [[maybe_unused]] const ssize_t written = ::pwrite(descriptor, text.data(), text.size(), 0);
}

[[noreturn]] void refuse(const std::string& path, int descriptor) {
  std::optional<Owner> owner = parse_owner(read_start(descriptor));
  for (int wait = 0; wait < 20 && !owner; ++wait) {  // it may just have been taken
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    owner = parse_owner(read_start(descriptor));
  }
  const std::string who = owner ? "process " + owner->process + " on host '" + owner->host + "'" : "another process";
  throw Error("cannot write '" + path + "': " + who + " is at work on it; wait until it has ended, or name another file");
}

[[noreturn]] void refuse_foreign(const std::string& path, const std::string& lock_path) {
  throw Error("cannot lock '" + path + "': '" + lock_path +
              "', the name of its lock, is another kind of file; move it away");
}

}  // namespace

bool try_lock(int descriptor) {
  int result = ::flock(descriptor, LOCK_EX | LOCK_NB);
  while (result != 0 && errno == EINTR) result = ::flock(descriptor, LOCK_EX | LOCK_NB);
  return result == 0;
}

void wait_for_lock(int descriptor) {
  while (::flock(descriptor, LOCK_EX) != 0 && errno == EINTR) {
  }
}

bool is_still_named(int descriptor, const std::string& path) {
  struct stat opened {};
  struct stat named {};
  return ::fstat(descriptor, &opened) == 0 && ::lstat(path.c_str(), &named) == 0 && same_file(opened, named);
}

/// Returns false if it has to be tried again: the file that was opened is not the lock any more.
bool FileLock::try_take(const std::string& path, const std::string& lock_path) {
  const int descriptor = open_lock_file(lock_path);
  if (descriptor < 0 && (errno == ELOOP || errno == EISDIR)) refuse_foreign(path, lock_path);
  if (descriptor < 0) return true;  // in a folder that cannot be written: writing the file will say why
  FileDescriptor file(descriptor, lock_path);
  struct stat status {};
  if (::fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode)) refuse_foreign(path, lock_path);
  if (!try_lock(descriptor)) {
    if (errno == EWOULDBLOCK) refuse(path, descriptor);
    if (status.st_size == 0) ::unlink(lock_path.c_str());  // a file system without locks
    return true;
  }
  // Its owner may have removed it between open and lock.
  if (!is_still_named(descriptor, lock_path)) return false;
  if (status.st_size > 0 && !parse_owner(read_start(descriptor))) refuse_foreign(path, lock_path);
  const bool writable = (fcntl(descriptor, F_GETFL) & O_ACCMODE) == O_RDWR;
  if (!writable && ::unlink(lock_path.c_str()) == 0) return false;  // left by another user's run
  if (writable) write_owner(descriptor);
  file_ = std::move(file);
  registered_.emplace(lock_path);
  return true;
}

FileLock::FileLock(const std::string& path) {
  if (!can_be_locked(path)) return;
  const std::string target = meant_by(path);
  const std::string lock_path = join_path(folder_of(target), companion_prefix(name_of(target)) + "lock");
  constexpr int kMostAttempts = 100;  // each lost to a run that ended in between
  for (int attempt = 0; attempt < kMostAttempts && !try_take(path, lock_path); ++attempt) {
  }
}

FileLock::~FileLock() {
  registered_.reset();  // first: once it has gone, the name may be another run's
  // While the lock is held nobody else has a lock on a file of that name: whoever opened this one finds that it has gone.
  if (held() && is_still_named(file_.get(), file_.name())) ::unlink(file_.name().c_str());
}

}  // namespace lm
