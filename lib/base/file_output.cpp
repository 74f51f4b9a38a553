// The atomic writer behind open_output().
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "base/error.h"
#include "base/file.h"
#include "base/file_lock.h"
#include "base/path.h"
#include "base/temporaries.h"

namespace lm {

namespace {

constexpr std::size_t kBufferSize = std::size_t{1} << 17;

// The result of call() that no signal interrupted.
template <class Call>
int retry(Call call) {
  int result = call();
  while (result != 0 && errno == EINTR) result = call();
  return result;
}

// Writing with a buffer, errors and patches; what close() makes of it is the subclasses'.
class DescriptorOutput : public OutputStream {
 public:
  DescriptorOutput(FileDescriptor descriptor, bool can_patch) : descriptor_(std::move(descriptor)), can_patch_(can_patch) {}

  using OutputStream::write;
  void write(const void* bytes, std::size_t size) override {
    const char* data = static_cast<const char*>(bytes);
    if (buffer_.size() + size > kBufferSize) flush();
    if (size >= kBufferSize) {
      write_through(data, size);
    } else {
      if (buffer_.capacity() == 0) buffer_.reserve(kBufferSize);
      buffer_.append(data, size);
    }
  }

  void flush() override {
    write_through(buffer_.data(), buffer_.size());
    buffer_.clear();
  }

  bool can_patch() const override { return can_patch_; }

  void patch(std::uint64_t offset, const void* bytes, std::size_t size) override {
    LM_CHECK(can_patch_);
    flush();
    const char* data = static_cast<const char*>(bytes);
    while (size > 0) {
      const ssize_t count = ::pwrite(descriptor_.get(), data, size, static_cast<off_t>(offset));
      if (count < 0) {
        wait_or_fail();
        continue;
      }
      data += count;
      offset += static_cast<std::uint64_t>(count);
      size -= static_cast<std::size_t>(count);
    }
  }

  const std::string& name() const override { return descriptor_.name(); }

 protected:
  int descriptor() const { return descriptor_.get(); }

  // Closes a duplicate: errors that a network file system keeps until a close are reported, and the lock stays.
  void close_duplicate() {
    const int duplicate = fcntl(descriptor(), F_DUPFD_CLOEXEC, 3);
    if (duplicate >= 0 && ::close(duplicate) != 0 && errno != EINTR) throw_system_error("write", name(), errno);
  }

 private:
  void write_through(const char* data, std::size_t size) {
    while (size > 0) {
      const ssize_t count = ::write(descriptor(), data, std::min(size, std::size_t{1} << 30));
      if (count < 0) {
        wait_or_fail();
        continue;
      }
      data += count;
      size -= static_cast<std::size_t>(count);
    }
  }

  void wait_or_fail() {
    if (errno == EAGAIN) {  // someone made the pipe non-blocking
      pollfd wait{.fd = descriptor(), .events = POLLOUT, .revents = 0};
      ::poll(&wait, 1, -1);
    } else if (errno != EINTR) {
      const int error_number = errno;
      buffer_.clear();
      throw_system_error("write", name(), error_number);
    }
  }

  FileDescriptor descriptor_;
  bool can_patch_;
  std::string buffer_;
};

// Standard output, a pipe, a device.
class DirectOutput : public DescriptorOutput {
 public:
  using DescriptorOutput::DescriptorOutput;
  void close() override {
    flush();
    close_duplicate();
  }
};

struct Temporary {
  std::string folder;
  std::string prefix;  // ".NAME."
  std::string path;
  FileDescriptor descriptor;
};

// Without locks nothing is stale for certain, and nothing is cleaned.
void remove_if_stale(const std::string& path) {
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK), path);
  struct stat opened {};
  if (file.get() < 0 || fstat(file.get(), &opened) != 0 || !S_ISREG(opened.st_mode) || !try_lock(file.get())) return;
  // Between open and lock its owner may have renamed it and begun another one.
  if (is_still_named(file.get(), path)) ::unlink(path.c_str());
}

void remove_stale_temporaries(const std::string& folder, const std::string& prefix) {
  // A folder that cannot be read is left as it is; creating the file will say why, if it cannot be written either.
  for (const std::string& name : names_in(folder).value_or(std::vector<std::string>())) {
    if (is_temporary_of(prefix, name)) remove_if_stale(join_path(folder, name));
  }
}

// Creates and locks the temporary file. A cleaner of another process may take it away between the two: then again.
FileDescriptor create_temporary(const std::string& path, mode_t mode, const std::string& target) {
  for (int attempt = 0; attempt < 100; ++attempt) {
    const int number = above_standard(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, mode));
    if (number < 0 && errno == EEXIST) throw Error("cannot write '" + target + "': it is being written already");
    if (number < 0) throw_system_error("write", target, errno);
    FileDescriptor file(number, target);
    wait_for_lock(file.get());  // without locks, nothing cleans either
    if (is_still_named(file.get(), path)) return file;
  }
  throw Error("cannot write '" + target + "': its temporary file '" + path + "' keeps vanishing");
}

// A regular file, new or old: written next to its place and renamed into it.
class FileOutput : public DescriptorOutput {
 public:
  FileOutput(FileDescriptor descriptor, std::string temporary, std::string target, mode_t mode)
      : DescriptorOutput(std::move(descriptor), true),
        temporary_(std::move(temporary)),
        registered_(temporary_),
        target_(std::move(target)),
        mode_(mode) {}

  ~FileOutput() override {
    if (!closed_) ::unlink(temporary_.c_str());
  }

  void read_back(const std::function<void(const FileDescriptor& written)>& check) override { check_ = check; }

  void close() override {
    flush();
    if (check_) check_written();
    if (mode_ != 0 && ::fchmod(descriptor(), mode_) != 0) throw_system_error("write", name(), errno);
    if (retry([&] { return ::fsync(descriptor()); }) != 0) throw_system_error("write", name(), errno);
    close_duplicate();
    if (::rename(temporary_.c_str(), target_.c_str()) != 0) throw_system_error("write", name(), errno);
    closed_ = true;
    sync_folder_of(target_);
  }

 private:
  void check_written() {
    const FileDescriptor written(fcntl(descriptor(), F_DUPFD_CLOEXEC, 3), name());
    if (written.get() < 0 || ::lseek(written.get(), 0, SEEK_SET) != 0) throw_system_error("read back", name(), errno);
    check_(written);
  }

  std::string temporary_;
  TemporaryName registered_;
  std::string target_;
  std::function<void(const FileDescriptor& written)> check_;
  mode_t mode_;  // of the file that is replaced; 0 for a new one
  bool closed_ = false;
};

std::unique_ptr<OutputStream> open_standard_output() {
  const std::string name = "standard output";
  const int descriptor = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
  if (descriptor < 0 && errno == EBADF) throw Error("cannot write 'standard output': it is closed");
  if (descriptor < 0) throw_system_error("write", name, errno);
  struct stat status {};
  const bool regular = fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode);
  const int flags = fcntl(descriptor, F_GETFL);
  const bool can_patch = regular && flags >= 0 && (flags & O_APPEND) == 0 && ::lseek(descriptor, 0, SEEK_CUR) == 0;
  return std::make_unique<DirectOutput>(FileDescriptor(descriptor, name), can_patch);
}

std::unique_ptr<OutputStream> open_direct(const std::string& path) {
  const int descriptor = above_standard(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (descriptor < 0) throw_system_error("write", path, errno);
  return std::make_unique<DirectOutput>(FileDescriptor(descriptor, path), false);
}

/// Where open_output will write, and how.
struct Destination {
  enum class Kind { standard_output, special, file } kind = Kind::file;
  std::string target;  // of a file, at the end of all links
  bool exists = false;
  struct stat status {};
};

/// Throws Error if nothing can be written to `path`.
Destination find_destination(const std::string& path) {
  Destination found;
  if (path == "-" || path == "/dev/stdout") {
    found.kind = Destination::Kind::standard_output;
    return found;
  }
  if (path.empty() || path.ends_with('/')) throw Error("cannot write '" + path + "': it names a folder, not a file");
  found.exists = ::stat(path.c_str(), &found.status) == 0;
  if (found.exists && S_ISDIR(found.status.st_mode)) throw_system_error("write", path, EISDIR);
  if (found.exists && ::access(path.c_str(), W_OK) != 0) throw_system_error("write", path, errno);
  if (found.exists && !S_ISREG(found.status.st_mode)) {
    found.kind = Destination::Kind::special;
    return found;
  }
  found.target = follow_links(path);
  if (::access(folder_of(found.target).c_str(), W_OK | X_OK) != 0) throw_system_error("write", path, errno);
  return found;
}

}  // namespace

void check_output(const std::string& path) { find_destination(path); }

std::unique_ptr<OutputStream> open_output(const std::string& path) {
  const auto [kind, target, exists, status] = find_destination(path);
  if (kind == Destination::Kind::standard_output) return open_standard_output();
  if (kind == Destination::Kind::special) return open_direct(path);

  const std::string folder = folder_of(target);
  const std::string prefix = companion_prefix(name_of(target));
  remove_stale_temporaries(folder, prefix);
  const std::string temporary = join_path(folder, prefix + std::to_string(::getpid()) + ".tmp");
  // What replaces a private file is never readable by others, not even while it is written.
  FileDescriptor descriptor = create_temporary(temporary, exists ? 0600 : 0666, path);
  if (exists && (status.st_uid != ::geteuid() || status.st_gid != ::getegid())) {
    [[maybe_unused]] const int ignored = ::fchown(descriptor.get(), status.st_uid, status.st_gid);  // as far as we may
  }
  return std::make_unique<FileOutput>(std::move(descriptor), temporary, target, exists ? status.st_mode & 0777 : 0);
}

std::unique_ptr<OutputStream> output_to(FileDescriptor descriptor) {
  return std::make_unique<DirectOutput>(std::move(descriptor), false);
}

std::unique_ptr<OutputStream> output_beside(const FileDescriptor& file) {
  const int duplicate = ::fcntl(file.get(), F_DUPFD_CLOEXEC, 3);
  if (duplicate < 0) throw_system_error("write", file.name(), errno);
  return output_to(FileDescriptor(duplicate, file.name()));
}

void sync_folder_of(const std::string& path) {
  const std::string folder = folder_of(path);
  const FileDescriptor descriptor(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC), folder);
  if (descriptor.get() < 0) return;  // a folder that we may write but not read
  // Some file systems cannot sync a folder and say EINVAL or ENOTSUP.
  if (retry([&] { return ::fsync(descriptor.get()); }) != 0 && errno != EINVAL && errno != ENOTSUP) {
    throw_system_error("sync the folder", folder, errno);
  }
}

}  // namespace lm
