// Files and descriptors: reading whole, writing so that a failure never costs the old content.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace lm {

/// An open descriptor and its name for messages. Closes itself (errors then are ignored; writers close explicitly).
class FileDescriptor {
 public:
  FileDescriptor() = default;
  FileDescriptor(int descriptor, std::string name) : descriptor_(descriptor), name_(std::move(name)) {}
  FileDescriptor(FileDescriptor&& other) noexcept;
  FileDescriptor& operator=(FileDescriptor&& other) noexcept;
  ~FileDescriptor();
  int get() const { return descriptor_; }
  const std::string& name() const { return name_; }
  /// Gives the descriptor up without closing it.
  int release();

 private:
  int descriptor_ = -1;
  std::string name_;
};

/// Opens for reading; "-" is standard input (a closed one is an Error, a directory too).
FileDescriptor open_input(const std::string& path);

/// Moves an open file to a number above 2 (the old number is closed), so that no file of ours takes the place of a closed
/// standard stream, and returns that number; or -1, with errno, if `descriptor` is -1 or moving fails.
int above_standard(int descriptor);

/// Gives a pipe a large buffer, if it is one and the system lets us, so that its two ends seldom wait for each other.
void enlarge_pipe(int descriptor);

/// Creates a file in `folder`, open for reading and writing, that has no name and vanishes with its descriptor. Throws
/// Error.
FileDescriptor create_unlinked(const std::string& folder);
/// Goes back to the beginning of a file that was written, to read it.
void rewind_file(const FileDescriptor& file);

/// Reads up to size bytes, retrying on EINTR and short reads; less only at the end. Throws Error.
std::size_t read_some(const FileDescriptor& input, void* buffer, std::size_t size);
/// Reads one read(2)'s worth (for streams that should not wait to fill the buffer); 0 at the end.
std::size_t read_once(const FileDescriptor& input, void* buffer, std::size_t size);

/// The most bytes that an input may have, and what it is read as: "a tokenizer". An input that has more is no such thing,
/// but a device or a pipe without end.
struct FileLimit {
  std::uint64_t bytes = UINT64_MAX;
  std::string_view kind = "input";
};
constexpr FileLimit kConfigLimit{.bytes = std::uint64_t{1} << 20U, .kind = "a configuration"};
constexpr FileLimit kTokenizerLimit{.bytes = std::uint64_t{256} << 20U, .kind = "a tokenizer"};
/// The limit of a text, or of one of its documents, that is held in memory whole.
constexpr FileLimit kTextLimit{.bytes = std::uint64_t{1} << 30U, .kind = "a text"};

/// Throws Error if `bytes` of the input `name` are more than the limit's.
void refuse_beyond(FileLimit limit, std::uint64_t bytes, std::string_view name);

/// An input read into memory whole. Empty files are fine. What is large is for RandomAccessFile.
class FileContent {
 public:
  /// Sees all that has come of an input after each piece of it, and throws if that is enough to refuse it.
  using Check = std::function<void(std::string_view so_far)>;
  /// Throws Error if it is larger than the limit.
  static FileContent read(const std::string& path, FileLimit limit);
  /// Reads what is left of an open input, from its position on.
  static FileContent read(const FileDescriptor& input, FileLimit limit);
  /// Does the same for an input whose own bytes say how much there may be.
  static FileContent read(const FileDescriptor& input, const Check& check);
  FileContent(FileContent&&) noexcept;
  FileContent& operator=(FileContent&&) noexcept;
  ~FileContent();
  std::span<const std::byte> bytes() const;
  std::string_view text() const;
  const std::string& name() const;

 private:
  struct Content;
  explicit FileContent(std::unique_ptr<Content> content);
  std::unique_ptr<Content> content_;
};

/// Buffered output. Throws Error on the first failed write; EPIPE ends the program as SIGPIPE would, unless that is ignored.
class OutputStream {
 public:
  virtual ~OutputStream() = default;
  virtual void write(const void* bytes, std::size_t size) = 0;
  void write(std::string_view text) { write(text.data(), text.size()); }
  /// Hands everything to the system.
  virtual void flush() = 0;
  /// Makes the result final: flush, fsync and rename for files. Unless it is called, nothing of a file becomes visible.
  virtual void close() = 0;
  /// Has close() call `check` with what was written, open at its beginning, before it takes the place of the old file. If
  /// the check throws, the old file stays. Not called for what is written directly.
  virtual void read_back(const std::function<void(const FileDescriptor& written)>& check) { static_cast<void>(check); }
  /// Returns true if bytes that are already written can be overwritten by patch().
  virtual bool can_patch() const = 0;
  virtual void patch(std::uint64_t offset, const void* bytes, std::size_t size) = 0;
  virtual const std::string& name() const = 0;
};

/// Opens a path for writing; "-" is standard output (patchable if it is a regular file written from offset 0 without
/// O_APPEND). A regular or new file is written under a temporary name in the same folder (".NAME.PID.tmp", locked) and
/// renamed on close(); symbolic links are followed; what is not a regular file (/dev/null, a pipe) is written directly.
/// Stale temporaries of the same NAME, whose lock is free, are removed.
std::unique_ptr<OutputStream> open_output(const std::string& path);

/// Throws Error if open_output() would refuse `path`, so that a run does not learn it after hours of work. Writes nothing.
void check_output(const std::string& path);

/// Writes to an open descriptor as it is, which close() does not sync.
std::unique_ptr<OutputStream> output_to(FileDescriptor descriptor);
/// The same to a file that stays open: to a descriptor of its own.
std::unique_ptr<OutputStream> output_beside(const FileDescriptor& file);

/// Syncs the folder that holds `path`, so that a rename survives a crash.
void sync_folder_of(const std::string& path);

}  // namespace lm
