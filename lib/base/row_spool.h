// Rows of floats in a file without a name: what is read more than once, or written later, and need not fit into memory.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "base/file.h"
#include "base/random_access.h"

namespace lm {

using VisitRow = std::function<void(std::span<const float> row)>;

/// Takes rows of one length, then gives them back, any number of times. Memory: a constant. Throws Error if there is no room.
class RowSpool {
 public:
  /// The file is in `folder`, and vanishes with this.
  RowSpool(const std::string& folder, std::int64_t columns);

  void add(std::span<const float> row);
  /// Ends adding; for_each() comes after it.
  void finish();
  std::int64_t rows() const { return rows_; }
  std::int64_t columns() const { return columns_; }
  void for_each(const VisitRow& visit) const;

 private:
  std::int64_t columns_;
  std::int64_t rows_ = 0;
  FileDescriptor file_;
  std::unique_ptr<OutputStream> output_;
  std::optional<RandomAccessFile> written_;
};

}  // namespace lm
