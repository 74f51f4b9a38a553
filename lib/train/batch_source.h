// BatchSource: what a trainer draws its sequences from, in an order that a saved position resumes.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "data/windows.h"
#include "model/batch.h"

namespace lm {

/// A place in a run's data: the next window of each of its objectives, and how many sequences were drawn.
struct SourcePosition {
  std::vector<DataPosition> objectives = {DataPosition{}};
  std::int64_t drawn = 0;
  bool operator==(const SourcePosition&) const = default;
};

/// How often objectives could not transform the data as they should.
struct SourceCounts {
  std::int64_t untransformed = 0;  // stretches that held the objective's own tokens
  std::int64_t token_cuts = 0;     // pieces cut between tokens because a cut inside one did not fit
};

void add_counts(SourceCounts& total, const SourceCounts& more);

/// Sequences [first, first + count) of those that a step draws: the part of one rank.
struct SequenceRange {
  std::int64_t first = 0, count = 0;
};

class BatchSource {
 public:
  virtual ~BatchSource() = default;
  /// Fills `batch` with the next `sequences` sequences; fewer, or none, only if the data ends for good.
  virtual void next(Batch& batch, std::int64_t sequences) = 0;
  /// Does the same for a run of several ranks: draws all of them, fills `batch` with those of `own` only, and returns how many
  /// it drew. Afterwards watch() gets the weight of each, whichever rank made it.
  virtual std::int64_t draw(Batch& batch, std::int64_t sequences, SequenceRange own);
  /// Throws NoTargets if the data give an objective nothing to learn from. weights: the sum of each sequence's.
  virtual void watch(std::span<const double> weights) { static_cast<void>(weights); }
  /// Returns the place after the last next().
  virtual SourcePosition position() const = 0;
  /// Adds to `counts` what objectives could not transform in the last next().
  virtual void count(SourceCounts& counts) const = 0;
  /// Returns a digest of all data that was read so far, by which a resumed run recognizes a stream; empty for data that can
  /// be identified without reading it.
  virtual std::string consumed() const { return {}; }
  /// Moves to a position that position() returned.
  virtual void seek(const SourcePosition& position) = 0;
};

/// Returns the part of a range that is there if only `count` sequences are.
SequenceRange clip(SequenceRange range, std::int64_t count);
/// Returns the sum of the weights of each sequence.
std::vector<double> sequence_weights(const Batch& batch);

/// Copies sequences [first, first + count) of a batch into `part`, whose memory is reused.
void slice(Batch& part, const Batch& batch, std::int64_t first, std::int64_t count);

}  // namespace lm
