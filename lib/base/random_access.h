// RandomAccessFile: any bytes of a file at any time, read when they are asked for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "base/file.h"

namespace lm {

// A mapping would spare a copy, but if another program shortens a file while it is mapped, SIGBUS ends the process. pread()
// reports it instead, and its copy of a window or tensor costs less than a page fault.

/// A regular file, read by pread(2); any other input, read into memory when it is opened.
class RandomAccessFile {
 public:
  /// Opens a path ("-" is standard input); `check` is for what is read into memory. Throws Error.
  static RandomAccessFile open(const std::string& path, const FileContent::Check& check);
  /// Takes an open input from its position on. `name` is for messages. Throws Error.
  RandomAccessFile(
      FileDescriptor input, std::string name, const FileContent::Check& check = [](std::string_view) {});

  const std::string& name() const { return name_; }
  /// Returns the number of bytes that it had when it was opened.
  std::uint64_t size() const { return size_; }
  /// Reads `size` bytes from `offset` on, all inside size(). Throws Error, also if the file has become shorter since.
  void read(std::uint64_t offset, void* buffer, std::size_t size) const;

 private:
  std::string name_;
  FileDescriptor input_;
  std::uint64_t start_ = 0;             // of our byte 0 in the file
  std::optional<FileContent> content_;  // of what is no regular file
  std::uint64_t size_ = 0;
};

}  // namespace lm
