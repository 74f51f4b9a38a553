// Compressed bytes (gzip, zstd, xz) as they come, in bounded memory. Behind it: zlib, libzstd and liblzma.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/file_kind.h"

namespace lm {

enum class Packing { gzip, zstd, xz };

/// Returns how a file of that kind is compressed; nothing for other kinds, and for compressed ones that are not read.
std::optional<Packing> packing_of(FileKind kind);

/// Returns the program that writes the content of such a file to standard output: "zcat".
std::string_view unpacking_program(Packing packing);

/// Unpacks what a source gives, as zcat, zstdcat and xzcat do: all members, frames or streams in a row are one content, and
/// checksums are verified. Memory: a constant, at most kLargestWindow and some more.
class Unpacker {
 public:
  /// Reads up to `size` bytes into `buffer`, as read(2) does; returns 0 at the end.
  using Source = std::function<std::size_t(void* buffer, std::size_t size)>;
  /// What zstdcat takes by default. What was compressed with a larger window (zstd --ultra --long=31) is refused.
  static constexpr std::size_t kLargestWindow = std::size_t{1} << 27;

  /// `name` is for messages.
  Unpacker(Packing packing, std::string name, Source source);
  Unpacker(Unpacker&&) noexcept;
  Unpacker& operator=(Unpacker&&) noexcept;
  ~Unpacker();
  /// Gives what has come, at least a byte and at most `size` (above 0); 0 at the end. Throws Error if the bytes are damaged,
  /// end early, or are followed by something else.
  std::size_t read_once(void* buffer, std::size_t size);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace lm
