#include "base/random_access.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/error.h"

namespace lm {

RandomAccessFile RandomAccessFile::open(const std::string& path, const FileContent::Check& check) {
  FileDescriptor input = open_input(path);
  std::string name = input.name();
  return {std::move(input), std::move(name), check};
}

RandomAccessFile::RandomAccessFile(FileDescriptor input, std::string name, const FileContent::Check& check)
    : name_(std::move(name)) {
  struct stat status {};
  if (fstat(input.get(), &status) != 0) throw_system_error("read", name_, errno);
  const off_t start = ::lseek(input.get(), 0, SEEK_CUR);  // standard input may have been read from
  // Files of /proc say that they are empty, and have content.
  if (S_ISREG(status.st_mode) && start >= 0 && start < status.st_size) {
    start_ = static_cast<std::uint64_t>(start);
    size_ = static_cast<std::uint64_t>(status.st_size - start);
    input_ = std::move(input);
    return;
  }
  content_ = FileContent::read(input, check);
  size_ = content_->bytes().size();
}

void RandomAccessFile::read(std::uint64_t offset, void* buffer, std::size_t size) const {
  LM_CHECK(offset <= size_ && size <= size_ - offset);
  if (content_) {
    if (size > 0) std::memcpy(buffer, content_->bytes().data() + offset, size);
    return;
  }
  std::size_t done = 0;
  while (done < size) {
    const std::uint64_t place = start_ + offset + done;
    const ssize_t count = ::pread(input_.get(), static_cast<char*>(buffer) + done,
                                  std::min(size - done, std::size_t{1} << 30), static_cast<off_t>(place));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw_system_error("read", name_, errno);
    if (count == 0) {
      throw Error("cannot read '" + name_ + "': it became shorter while it was being read: it ends before byte " +
                  std::to_string(place) + " of " + std::to_string(start_ + size_) +
                  "; let no other program write to it meanwhile");
    }
    done += static_cast<std::size_t>(count);
  }
}

}  // namespace lm
