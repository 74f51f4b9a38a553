// Training windows: token files in a row, cut with an offset and visited in an order; both follow from seed and epoch.
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "base/token.h"
#include "data/token_file.h"

namespace lm {

/// Several token files read as one sequence, or a part of it. A view: the files outlive it and stay where they are.
class TokenCorpus {
 public:
  /// Throws Error naming two files if their fingerprints, vocabularies or end-of-text ids differ. At least one file.
  explicit TokenCorpus(std::span<const TokenFile> files);
  /// Returns the tokens [begin, end) of this one.
  TokenCorpus range(std::int64_t begin, std::int64_t end) const;

  /// Returns the number of tokens, the closing end-of-text tokens included.
  std::int64_t size() const { return end_ - begin_; }
  /// Reads the tokens [first, first + out.size()), all inside. Throws Error for ids that are not in the vocabulary.
  void copy(std::int64_t first, std::span<TokenId> out) const;
  /// Returns what all files have in common: vocabulary, end-of-text, fingerprint (no counts).
  const TokenFileInfo& info() const { return info_; }
  /// Returns what identifies the data: a hash of the files' sizes and hashes and of the range. Reads only trailers.
  Fingerprint identity() const;

 private:
  std::span<const TokenFile> files_;
  std::vector<std::int64_t> starts_;  // of each file, and the end of the last
  TokenFileInfo info_;
  std::int64_t begin_ = 0;
  std::int64_t end_ = 0;
};

struct HeldOut {
  TokenCorpus train;
  TokenCorpus valid;
};

/// Cuts off the last `fraction` (0 < fraction < 1) of the documents, rounded to nearest, at least one and not all; of the
/// tokens if there is only one document. Throws Error if there is nothing to divide. May scan the files.
HeldOut hold_out(std::span<TokenFile> files, double fraction);

/// A permutation of [0, size) that is computed, not stored: a Feistel network keyed by (key, index) on the next power of
/// four, walked until inside (Black and Rogaway 2002, "Ciphers with arbitrary finite domains").
class Permutation {
 public:
  /// size >= 1.
  Permutation(std::int64_t size, std::uint64_t key, std::uint64_t index);
  std::int64_t size() const { return size_; }
  std::int64_t operator()(std::int64_t position) const;

 private:
  std::uint64_t encrypt(std::uint64_t value) const;
  std::int64_t size_;
  std::uint64_t key_;
  std::uint64_t index_;
  int half_bits_ = 1;
};

enum class WindowOrder {
  shuffled,  // permuted, and from the second epoch on cut at another offset
  file,      // in file order, always cut at offset 0
};

struct WindowOptions {
  std::int64_t length = 0;  // W: tokens of a window
  std::int64_t stride = 0;  // S: 1 <= S <= W. Next-token targets of T: W = T + 1, S = T
  std::uint64_t seed = 0;
  WindowOrder order = WindowOrder::shuffled;
};

/// Where training is in its data: all that has to be saved of it.
struct DataPosition {
  std::int64_t epoch = 0;
  std::int64_t index = 0;  // of the next window of that epoch
  bool operator==(const DataPosition&) const = default;
};

/// With x_0 a virtual end-of-text and x_1 .. x_M the corpus (or x_0 .. x_M the corpus if its documents have begin tokens), window k of epoch e is the W places from k S - o_e on; o_0 = 0
/// and later o_e are drawn from [0, S). Places before x_0 and after x_M are padding. With W = S + 1 every x_1 .. x_M is a
/// target (any place of a window except its first) exactly once an epoch; with W = S every x_0 .. x_M is in exactly one
/// window.
class Windows {
 public:
  Windows(TokenCorpus corpus, const WindowOptions& options);
  const TokenCorpus& corpus() const { return corpus_; }
  const WindowOptions& options() const { return options_; }

  /// Returns the number of windows of an epoch, which may differ by one between epochs. 0 only for an empty corpus.
  std::int64_t count(std::int64_t epoch) const;
  /// Reads the `index`-th window to visit in `epoch`. tokens: (W); valid: (W) 1, or 0 for padding, whose token is
  /// end-of-text.
  void window(std::int64_t epoch, std::int64_t index, std::span<TokenId> tokens, std::span<std::uint8_t> valid) const;
  /// Reads the window at `position`, and moves it to the next one, after the last into the next epoch. Throws Error for an
  /// empty corpus.
  void next(DataPosition& position, std::span<TokenId> tokens, std::span<std::uint8_t> valid) const;

 private:
  std::int64_t offset(std::int64_t epoch) const;
  TokenCorpus corpus_;
  WindowOptions options_;
};

/// The windows of a stream in file order (offset 0), as they come: what --one-pass trains on.
class StreamWindows {
 public:
  /// The reader outlives it. length and stride as in WindowOptions.
  StreamWindows(TokenReader& reader, std::int64_t length, std::int64_t stride);
  /// Reads the next window. Returns false, and writes nothing, after the last one: the stream has been verified to its end.
  bool next(std::span<TokenId> tokens, std::span<std::uint8_t> valid);

 private:
  void fill();
  TokenReader& reader_;
  std::int64_t length_;
  std::int64_t stride_;
  std::vector<TokenId> pending_;  // from the next window's first place on
  std::int64_t places_;           // read so far, the virtual end-of-text included
  std::int64_t next_start_ = 0;
  bool ended_ = false;
};

}  // namespace lm
