// Filling the buffer of a reader that looks at more bytes than it hands out at once.
#pragma once

#include <cstddef>
#include <string>

#include "base/file.h"

namespace lm {

/// Bytes that a reader asks for at a time.
constexpr std::size_t kReadAhead = std::size_t{1} << 16;

/// Reads until `size` bytes of `buffer` from `start` on are there; false if the input ends before. What was handed out,
/// before `start`, is dropped, and `start` moves.
bool read_ahead(const FileDescriptor& input, std::string& buffer, std::size_t& start, std::size_t size);

}  // namespace lm
