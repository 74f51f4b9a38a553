// PretokenSpans: where the pretokens of a text begin, some hundreds at a time, by the fastest scanner that there is for the pattern.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "text/pattern/block_scan.h"
#include "text/pattern/pretokenizer.h"

namespace lm {

class PretokenSpans {
 public:
  /// Texts must be shorter.
  static constexpr std::size_t kTextBytes = std::size_t{1} << 31;

  PretokenSpans(Pattern pattern, SimdTier tier) : pattern_(pattern), scan_blocks_(block_scanner(pattern, tier)) {}

  /// Starts with a text, at which a pretoken begins. If it is not final, more may follow: a pretoken that this could change is left out.
  void begin(std::string_view text, bool is_final);
  /// Finds some more pretokens, and returns how many; 0 if there are no more.
  std::size_t next();
  /// Returns where the pretokens of the last next() begin, and where the last of them ends.
  const std::uint32_t* starts() const { return starts_.data(); }

 private:
  static constexpr std::size_t kEnough = 192;
  static constexpr std::size_t kBlocks = 8;  // that are scanned at once: at most 64 pretokens each

  bool scan_one(std::size_t& count);
  bool uses_blocks(std::size_t place);

  Pattern pattern_;
  ScanBlocks scan_blocks_;
  std::string_view text_;
  bool is_final_ = true;
  bool in_blocks_ = false;        // scan_ is where the last start is
  std::size_t reference_to_ = 0;  // the reference scans up to here
  BlockScan scan_;
  std::size_t count_ = 0;
  std::array<std::uint32_t, kEnough + (kBlocks + 1) * 64 + 2> starts_;
};

}  // namespace lm
