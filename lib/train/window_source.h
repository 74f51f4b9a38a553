// Batches from windows of token files, in shuffled order and mixed by weights, and from a stream in its own order.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "base/hash.h"
#include "data/windows.h"
#include "objectives/objective.h"
#include "train/batch_source.h"
#include "train/example_source.h"
#include "train/ranks/ranks.h"

namespace lm {

/// Draws each sequence from one of the objectives, each at its own place in its own windows. It never ends: epoch follows
/// epoch. next() throws NoTargets if a whole epoch of an objective has no target.
class WindowSource final : public BatchSource {
 public:
  /// shares: of the sequences, one for each source; they sum to 1.
  WindowSource(std::vector<ExampleSource> sources, std::vector<double> shares, std::int64_t context_length,
               std::uint64_t seed);
  void next(Batch& batch, std::int64_t sequences) override;
  std::int64_t draw(Batch& batch, std::int64_t sequences, SequenceRange own) override;
  void watch(std::span<const double> weights) override;
  SourcePosition position() const override { return position_; }
  void count(SourceCounts& counts) const override;
  void seek(const SourcePosition& position) override;
  const ExampleSource& source(std::size_t number) const { return sources_[number]; }
  /// Returns whether examples of that objective were drawn, and none had a target.
  bool lacks_targets(std::size_t number) const { return seen_[number].examples && !seen_[number].targets; }

 private:
  /// What next() has seen of an objective.
  struct Seen {
    bool examples = false;
    bool targets = false;
    bool epoch_began = false;    // the current epoch has been seen from its first window on
    bool epoch_targets = false;  // of the current epoch
  };
  /// An example that was drawn.
  struct Drawn {
    std::size_t number = 0;  // of its objective
    DataPosition after;      // the objective's place after it
  };
  std::size_t draw_objective() const;
  void watch(const Drawn& drawn, bool has_target);
  std::vector<ExampleSource> sources_;
  std::vector<double> shares_;
  std::int64_t context_length_;
  std::uint64_t seed_;
  SourcePosition position_;
  SourceCounts counts_;       // of the last batch
  std::vector<Drawn> drawn_;  // likewise
  std::vector<Seen> seen_;
};

/// Makes one pass of one objective over a stream, in its order. seek() reads forward to the position.
class StreamSource final : public BatchSource {
 public:
  using Check = std::function<void(std::span<const TokenId> tokens)>;
  /// Reader, objective and ranks must outlive it. The objective's windows are strided. `check` gets the tokens of each window,
  /// padding included, and may throw. Rank 0 reads and deals the windows out; on others the reader is null.
  StreamSource(TokenReader* reader, const Objective& objective, std::uint64_t seed, std::int64_t context_length,
               Check check = {}, Ranks* ranks = nullptr);
  void next(Batch& batch, std::int64_t sequences) override;
  std::int64_t draw(Batch& batch, std::int64_t sequences, SequenceRange own) override;
  SourcePosition position() const override { return position_; }
  void count(SourceCounts& counts) const override;
  std::string consumed() const override;
  void seek(const SourcePosition& position) override;

 private:
  bool read_window();
  bool deal_window();
  const Objective& objective_;
  Check check_;
  Ranks* ranks_;
  std::uint64_t seed_;
  std::int64_t context_length_;
  std::optional<StreamWindows> windows_;  // of rank 0
  std::vector<TokenId> tokens_;
  std::vector<std::uint8_t> valid_;
  std::int64_t stride_;
  Hasher hasher_;
  SourcePosition position_;
  SourceCounts counts_;
};

}  // namespace lm
