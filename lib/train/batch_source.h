// BatchSource: where a trainer's sequences come from, in an order that a saved position resumes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/windows.h"
#include "model/batch.h"

namespace lm {

/// Where a run is in its data: the next window of each of its objectives, and how many sequences were drawn.
struct SourcePosition {
  std::vector<DataPosition> objectives = {DataPosition{}};
  std::int64_t drawn = 0;
  bool operator==(const SourcePosition&) const = default;
};

/// What objectives could not transform, since the run began.
struct SourceCounts {
  std::int64_t untransformed = 0;  // stretches that held the objective's own tokens
  std::int64_t token_cuts = 0;     // pieces cut between tokens for want of room
};

class BatchSource {
 public:
  virtual ~BatchSource() = default;
  /// Makes `batch` hold the next sequences: `sequences` of them, fewer (or none) only where the data ends for good.
  virtual void next(Batch& batch, std::int64_t sequences) = 0;
  virtual SourcePosition position() const = 0;
  /// Adds what the last next() could not transform.
  virtual void count(SourceCounts& counts) const = 0;
  /// A digest of everything read so far where the data cannot be identified beforehand (a stream); else empty.
  virtual std::string consumed() const { return {}; }
  /// Goes to a position that position() gave.
  virtual void seek(const SourcePosition& position) = 0;
};

/// Sequences [first, first + count) of a batch, into `part`, whose memory is reused.
void slice(Batch& part, const Batch& batch, std::int64_t first, std::int64_t count);

}  // namespace lm
