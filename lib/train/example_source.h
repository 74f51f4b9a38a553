// ExampleSource: one objective over its own windows of a corpus.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "data/pieces.h"
#include "data/windows.h"
#include "model/batch.h"
#include "objectives/objective.h"

namespace lm {

class ExampleSource {
 public:
  /// number: which of the run's objectives it is; draws of different ones differ.
  ExampleSource(const TokenCorpus& corpus, std::unique_ptr<Objective> objective, std::int64_t context_length,
                std::uint64_t seed, WindowOrder order, std::int64_t number = 0);

  const Objective& objective() const { return *objective_; }
  /// Windows of an epoch.
  std::int64_t count(std::int64_t epoch) const;
  /// The example of the window at `position`, which moves on, into the next epoch after the last. Throws Error for an empty
  /// corpus.
  Example next(DataPosition& position);

 private:
  void read_strided(const DataPosition& position);
  std::unique_ptr<Objective> objective_;
  std::uint64_t seed_;
  std::int64_t number_;
  std::optional<Windows> windows_;
  std::optional<PieceWindows> piece_windows_;
  std::vector<TokenId> tokens_;
  std::vector<std::uint8_t> valid_;
  std::vector<WindowPiece> pieces_;
};

/// The example that `objective` makes of a strided window; draws depend on seed, objective and place alone.
Example make_example(const Objective& objective, std::span<const TokenId> tokens, std::span<const std::uint8_t> valid,
                     std::uint64_t seed, std::int64_t number, const DataPosition& position);

/// Whether any place of it counts.
bool has_target(const Example& example);

/// The data give an objective nothing to learn from.
class NoTargets : public Error {
 public:
  using Error::Error;
};

/// Throws NoTargets saying that the data give an objective nothing to learn from.
[[noreturn]] void refuse_without_targets(const std::string& objective);

/// Appends a sequence of `length` to a batch, which begin_batch() has emptied.
void begin_batch(Batch& batch, std::int64_t length);
void append_example(Batch& batch, const Example& example, std::int64_t objective_number);

}  // namespace lm
