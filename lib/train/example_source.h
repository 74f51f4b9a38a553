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
  /// number: which of the run's objectives it is; different ones get different random numbers. Throws Error
  /// for an empty corpus.
  ExampleSource(const TokenCorpus& corpus, std::unique_ptr<Objective> objective, std::int64_t context_length,
                std::uint64_t seed, WindowOrder order, std::int64_t number = 0);

  const Objective& objective() const { return *objective_; }
  /// Returns the number of windows of an epoch.
  std::int64_t count(std::int64_t epoch) const;
  /// Returns the example of the window at `position`, which moves to the next window, after the last one to the next epoch.
  Example next(DataPosition& position);
  /// Moves as next() does.
  void skip(DataPosition& position) const;

 private:
  std::unique_ptr<Objective> objective_;
  std::uint64_t seed_;
  std::int64_t number_;
  std::optional<Windows> windows_;
  std::optional<PieceWindows> piece_windows_;
  std::vector<TokenId> tokens_;
  std::vector<std::uint8_t> valid_;
  std::vector<WindowPiece> pieces_;
};

/// Returns the example that `objective` makes of a strided window. The same arguments give the same example.
Example make_example(const Objective& objective, std::span<const TokenId> tokens, std::span<const std::uint8_t> valid,
                     std::uint64_t seed, std::int64_t number, const DataPosition& position);

/// Returns whether any target counts.
bool has_target(const Example& example);

/// Thrown if the data give an objective nothing to learn from.
class NoTargets : public Error {
 public:
  using Error::Error;
};

/// Throws NoTargets with a sentence that names the objective.
[[noreturn]] void refuse_without_targets(const std::string& objective);

/// Empties a batch, whose sequences will have `length` tokens.
void begin_batch(Batch& batch, std::int64_t length);
/// Appends an example to such a batch.
void append_example(Batch& batch, const Example& example, std::int64_t objective_number);

}  // namespace lm
