// BatchSource: where a trainer's sequences come from, in an order that a saved position resumes.
#pragma once

#include <cstdint>
#include <string>

#include "data/windows.h"
#include "model/batch.h"

namespace lm {

class BatchSource {
 public:
  virtual ~BatchSource() = default;
  /// Makes `batch` hold the next sequences: `sequences` of them, fewer (or none) only where the data ends for good.
  virtual void next(Batch& batch, std::int64_t sequences) = 0;
  virtual DataPosition position() const = 0;
  /// A digest of everything read so far where the data cannot be identified beforehand (a stream); else empty.
  virtual std::string consumed() const { return {}; }
  /// Goes to a position that position() gave.
  virtual void seek(const DataPosition& position) = 0;
};

/// Sequences [first, first + count) of a batch, into `part`, whose memory is reused.
void slice(Batch& part, const Batch& batch, std::int64_t first, std::int64_t count);

}  // namespace lm
