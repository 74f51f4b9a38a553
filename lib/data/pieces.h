// Windows of whole pieces of documents, with room left for what an objective adds to each: what fill-in-the-middle trains
// on.
#pragma once

#include <cstdint>
#include <vector>

#include "base/window_piece.h"
#include "data/windows.h"

namespace lm {

struct PieceOptions {
  std::int64_t places = 0;        // tokens that a window can hold, a leading end-of-text included (T + 1)
  std::int64_t piece_length = 0;  // documents longer than this are split into pieces of it
  std::int64_t overhead = 0;      // places kept free for each piece; 1 + piece_length + overhead <= places
  std::uint64_t seed = 0;
  WindowOrder order = WindowOrder::shuffled;
};

/// A window is the longest run of pieces in file order with 1 + sum of (length + overhead) <= places: fixed by lengths
/// only, so that windows can be permuted and resumed. Reads the corpus once, when made.
class PieceWindows {
 public:
  PieceWindows(TokenCorpus corpus, const PieceOptions& options);
  const TokenCorpus& corpus() const { return corpus_; }
  /// Returns the number of windows of every epoch.
  std::int64_t count() const { return static_cast<std::int64_t>(starts_.size()); }
  /// Reads the `index`-th window to visit in `epoch`: its tokens without any end-of-text, and where its pieces lie among
  /// them.
  void window(std::int64_t epoch, std::int64_t index, std::vector<TokenId>& tokens, std::vector<WindowPiece>& pieces) const;

 private:
  TokenCorpus corpus_;
  PieceOptions options_;
  std::vector<std::int64_t> starts_;  // first token of each window's first piece
};

}  // namespace lm
