#include "base/file.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <utility>

#include "base/error.h"
#include "base/path.h"

namespace lm {

namespace {

struct stat status_of(int descriptor, const std::string& name) {
  struct stat status {};
  if (fstat(descriptor, &status) != 0) throw_system_error("read", name, errno);
  return status;
}

}  // namespace

int above_standard(int descriptor) {
  if (descriptor < 0 || descriptor > 2) return descriptor;
  const int moved = fcntl(descriptor, F_DUPFD_CLOEXEC, 3);
  const int error_number = errno;
  ::close(descriptor);
  errno = error_number;
  return moved;
}

void enlarge_pipe(int descriptor) {
#if defined(F_SETPIPE_SZ)
  constexpr int kPipeSize = 1 << 20;  // what Linux lets any user have by default
  ::fcntl(descriptor, F_SETPIPE_SZ, kPipeSize);
#else
  static_cast<void>(descriptor);
#endif
}

FileDescriptor::FileDescriptor(FileDescriptor&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), name_(std::move(other.name_)) {}

FileDescriptor& FileDescriptor::operator=(FileDescriptor&& other) noexcept {
  if (this == &other) return *this;
  if (descriptor_ >= 0) ::close(descriptor_);
  descriptor_ = std::exchange(other.descriptor_, -1);
  name_ = std::move(other.name_);
  return *this;
}

FileDescriptor::~FileDescriptor() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

int FileDescriptor::release() { return std::exchange(descriptor_, -1); }

FileDescriptor open_input(const std::string& path) {
  const bool standard = path == "-";
  const std::string name = input_name(path);
  const int descriptor =
      standard ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3) : above_standard(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (descriptor < 0) {
    if (standard && errno == EBADF) throw Error("cannot read 'standard input': it is closed");
    throw_system_error(standard ? "read" : "open", name, errno);
  }
  FileDescriptor input(descriptor, name);
  if (S_ISDIR(status_of(descriptor, name).st_mode)) throw_system_error("read", name, EISDIR);
  return input;
}

FileDescriptor create_unlinked(const std::string& folder) {
  std::string path = folder + "/lm-XXXXXX";
  const int descriptor = above_standard(mkostemp(path.data(), O_CLOEXEC));
  if (descriptor < 0) throw_system_error("create a temporary file in", folder, errno);
  ::unlink(path.c_str());
  return {descriptor, path};
}

void rewind_file(const FileDescriptor& file) {
  if (::lseek(file.get(), 0, SEEK_SET) != 0) throw_system_error("read", file.name(), errno);
}

std::size_t read_once(const FileDescriptor& input, void* buffer, std::size_t size) {
  for (;;) {
    const ssize_t count = ::read(input.get(), buffer, std::min(size, std::size_t{1} << 30));
    if (count >= 0) return static_cast<std::size_t>(count);
    if (errno == EAGAIN) {  // someone made the pipe non-blocking
      pollfd wait{.fd = input.get(), .events = POLLIN, .revents = 0};
      ::poll(&wait, 1, -1);
    } else if (errno != EINTR) {
      throw_system_error("read", input.name(), errno);
    }
  }
}

std::size_t read_some(const FileDescriptor& input, void* buffer, std::size_t size) {
  std::size_t done = 0;
  while (done < size) {
    const std::size_t count = read_once(input, static_cast<char*>(buffer) + done, size - done);
    if (count == 0) break;
    done += count;
  }
  return done;
}

namespace {

struct Free {
  void operator()(void* pointer) const { std::free(pointer); }
};

}  // namespace

struct FileContent::Content {
  std::string name;
  const std::byte* data = nullptr;
  std::size_t size = 0;
  std::unique_ptr<void, Free> memory;

  // What a regular file has left, and one byte to meet its end without growing; 0 if that is not known.
  std::size_t expected_size(const FileDescriptor& input) const {
    const struct stat status = status_of(input.get(), name);
    if (!S_ISREG(status.st_mode) || status.st_size <= 0) return 0;  // files of /proc say 0 and have content
    const off_t start = ::lseek(input.get(), 0, SEEK_CUR);          // standard input may have been read from
    if (start < 0 || start >= status.st_size) return 0;
    return static_cast<std::size_t>(status.st_size - start) + 1;
  }

  // Large blocks of realloc() move by page tables, so growing costs no second copy.
  void read_all(const FileDescriptor& input, std::size_t wanted, const Check& check) {
    std::size_t capacity = 0;
    for (;;) {
      if (size == capacity) {
        capacity = std::max({std::size_t{1} << 16, capacity * 2, std::exchange(wanted, 0)});
        void* larger = std::realloc(memory.get(), capacity);
        if (larger == nullptr) throw_system_error("read", name, ENOMEM);
        static_cast<void>(memory.release());
        memory.reset(larger);
      }
      const std::size_t count = read_once(input, static_cast<char*>(memory.get()) + size, capacity - size);
      if (count == 0) break;
      size += count;
      check({static_cast<const char*>(memory.get()), size});
    }
    data = static_cast<const std::byte*>(memory.get());
  }
};

FileContent::FileContent(std::unique_ptr<Content> content) : content_(std::move(content)) {}
FileContent::FileContent(FileContent&&) noexcept = default;
FileContent& FileContent::operator=(FileContent&&) noexcept = default;
FileContent::~FileContent() = default;

FileContent FileContent::read(const std::string& path, FileLimit limit) { return read(open_input(path), limit); }

FileContent FileContent::read(const FileDescriptor& input, FileLimit limit) {
  auto content = std::make_unique<Content>();
  content->name = input.name();
  const std::size_t wanted = content->expected_size(input);
  if (wanted > 0) refuse_beyond(limit, wanted - 1, input.name());
  content->read_all(input, wanted, [&](std::string_view so_far) { refuse_beyond(limit, so_far.size(), input.name()); });
  return FileContent(std::move(content));
}

FileContent FileContent::read(const FileDescriptor& input, const Check& check) {
  auto content = std::make_unique<Content>();
  content->name = input.name();
  content->read_all(input, 0, check);
  return FileContent(std::move(content));
}

void refuse_beyond(FileLimit limit, std::uint64_t bytes, std::string_view name) {
  if (bytes <= limit.bytes) return;
  const bool whole = limit.bytes % (std::uint64_t{1} << 20U) == 0;
  throw Error("cannot use '" + std::string(name) + "' as " + std::string(limit.kind) + ": it is larger than " +
              std::to_string(whole ? limit.bytes >> 20U : limit.bytes) + (whole ? " MiB" : " bytes"));
}

std::span<const std::byte> FileContent::bytes() const { return {content_->data, content_->size}; }

std::string_view FileContent::text() const { return {reinterpret_cast<const char*>(content_->data), content_->size}; }

const std::string& FileContent::name() const { return content_->name; }

}  // namespace lm
