// NumPy's .npy: one array, here a matrix of float32 whose rows come one after the other.
//
// Version 1.0 of the format (numpy.lib.format): magic, a header that is a Python dictionary in ASCII, padded with spaces and ended
// by a newline so that all of it is a multiple of 64 bytes, then the numbers.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "base/file.h"
#include "base/row_spool.h"

namespace lm {

/// Returns the 128 bytes before the numbers of a matrix of little-endian float32, row by row.
std::string npy_header(std::int64_t rows, std::int64_t columns);

/// Writes rows as they come, in bounded memory.
class NpyWriter {
 public:
  /// If what is written to `output` cannot be overwritten, rows wait in a file without a name in `spool_folder` until their
  /// number, which the header states, is known. Throws Error.
  NpyWriter(OutputStream& output, std::int64_t columns, const std::string& spool_folder);

  void add(std::span<const float> row);
  /// Completes the array; closing the output is the caller's task.
  void finish();

 private:
  void write(std::span<const float> row);

  OutputStream& output_;
  std::int64_t columns_;
  std::int64_t rows_ = 0;
  std::optional<RowSpool> spool_;
  std::string bytes_;  // of a row
};

}  // namespace lm
