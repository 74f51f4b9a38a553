// Batches from windows of token files, in shuffled order, and from a stream in its own order.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "base/hash.h"
#include "data/windows.h"
#include "objectives/objective.h"
#include "train/batch_source.h"

namespace lm {

/// Turns windows into examples and stacks them; what both sources share.
class ExampleStacker {
 public:
  ExampleStacker(const Objective& objective, std::uint64_t seed, std::int64_t context_length);
  /// Where the next window's tokens and validity go.
  std::span<TokenId> tokens() { return tokens_; }
  std::span<std::uint8_t> valid() { return valid_; }
  /// The example of the window just filled in, which is window `position` of the run.
  Example example(const DataPosition& position);
  void begin(Batch& batch) const;
  /// Appends a sequence.
  void append(Batch& batch, const Example& example) const;

 private:
  const Objective& objective_;
  std::uint64_t seed_;
  std::int64_t context_length_;
  std::vector<TokenId> tokens_;
  std::vector<std::uint8_t> valid_;
};

/// Never ends: epoch follows epoch.
class WindowSource final : public BatchSource {
 public:
  /// All arguments outlive it. Throws Error where the corpus is empty.
  WindowSource(const Windows& windows, const Objective& objective, std::int64_t context_length);
  void next(Batch& batch, std::int64_t sequences) override;
  DataPosition position() const override { return position_; }
  void seek(const DataPosition& position) override { position_ = position; }

 private:
  const Windows& windows_;
  ExampleStacker stacker_;
  DataPosition position_;
};

/// One pass over a stream as it comes. seek() reads forward to the position.
class StreamSource final : public BatchSource {
 public:
  StreamSource(TokenReader& reader, const Objective& objective, std::uint64_t seed, std::int64_t context_length);
  void next(Batch& batch, std::int64_t sequences) override;
  DataPosition position() const override { return position_; }
  std::string consumed() const override;
  void seek(const DataPosition& position) override;
  /// True after next() threw: the stream is damaged or ends early.
  bool failed() const { return failed_; }

 private:
  bool read_window();
  StreamWindows windows_;
  ExampleStacker stacker_;
  std::int64_t stride_;
  Hasher hasher_;
  bool failed_ = false;
  DataPosition position_;
};

}  // namespace lm
