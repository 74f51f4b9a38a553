// Inputs that are to hold text: looked at before they are read, so that nothing else is taken for it, and unpacked if they are
// compressed (gzip, zstd, xz).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/decompress.h"
#include "base/file.h"
#include "base/file_use.h"

namespace lm {

/// What an input of text may hold: nothing that is recognized as something else, or any bytes as they are (--binary).
enum class Accept { text, anything };

/// Checks inputs before any work. Throws Error if one of the paths, or what it holds compressed, is recognized as something
/// else than `use` (text or scored).
void check_text_inputs(FileUse use, const std::vector<std::string>& paths, Accept accept);

/// Returns whether a file, or what it holds compressed, is recognized as `use`, and has no bytes that no text has.
bool looks_like_text(FileUse use, const std::string& path);

/// A text as it is read. With Accept::text a compressed one is unpacked, as zcat does; what it holds is not unpacked again.
class TextInput {
 public:
  /// Reads the beginning: what one read(2) gives, and more only while that may be a signature that is not complete. Throws
  /// Error if it is the beginning of something else than `use`, of a pipe too.
  TextInput(FileDescriptor input, FileUse use, Accept accept);
  TextInput(const TextInput&) = delete;
  TextInput& operator=(const TextInput&) = delete;

  const std::string& name() const { return input_.name(); }
  /// Returns the beginning of the text; empty if there is none.
  std::string_view head() const { return head_; }
  bool is_packed() const { return unpacker_.has_value(); }
  /// Gives what has come, from the beginning on; 0 at the end. Throws Error, also for compressed bytes that are damaged.
  std::size_t read_once(void* buffer, std::size_t size);
  /// Waits until there is something to read, or the end; returns false if the descriptor `wake` is readable before. Does not
  /// wait for a packed input.
  bool wait(int wake) const;
  /// Gives the descriptor up, which has been read to the end of head(); not of a packed input.
  FileDescriptor take_descriptor() { return std::move(input_); }

 private:
  void read_head(Accept accept);
  void unpack(Packing packing);

  FileDescriptor input_;
  std::string packed_head_;  // of a compressed input: what was read to find that out, until the unpacker takes it
  std::optional<Unpacker> unpacker_;
  std::string head_;
  std::size_t given_ = 0;  // bytes of the head
};

/// Reads a whole text; "-" is standard input. Throws Error as check_text_inputs() does.
std::string read_whole_text(const std::string& path, Accept accept);

}  // namespace lm
