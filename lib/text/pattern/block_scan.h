// Finding pretokens 64 bytes at a time: bits for the bytes of each class, shifts and additions for what begins a pretoken. The
// scanners of pretokenizer.h are the reference, and take over where a block has what bits do not settle.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/simd_tier.h"
#include "text/pattern/pretokenizer.h"

namespace lm {

/// The classes of all code points as plain arrays: classes[page_of[c / 128] * 128 + c % 128] is a CharClass.
struct ClassPages {
  const std::uint16_t* page_of;
  const std::uint8_t* classes;
};

/// Where a scan is. What is known of the byte before `at` is 0 or 1 each; all are 0 where a pretoken begins.
struct BlockScan {
  static constexpr std::size_t kBlock = 64;
  static constexpr std::size_t kSlack = 16;  // bytes behind a block that are looked at too

  const unsigned char* text = nullptr;
  std::size_t size = 0;  // of the text; below 4 GiB
  ClassPages pages = {};
  std::size_t at = 0;  // the next block
  bool begins = true;  // a pretoken begins at `at`
  bool is_hard = false;

  std::uint64_t letter = 0, lower = 0, caseless = 0, other = 0, space = 0, newline = 0, blank = 0;
  std::uint64_t absorbed = 0;              // a newline that belongs to the symbols before it
  std::uint64_t lone = 0;                  // the end of a symbol that begins a pretoken
  std::uint64_t digits = 0;                // so many numbers of a group have come; without groups 0 or 1
  std::uint64_t set = 0, clear = 0;        // bits of the next block, where a contraction ends, and inside one
  std::uint64_t rest = 0, rest_class = 0;  // bytes of a character that the next block begins with, and what it is

  /// Begins again at a place where a pretoken begins.
  void restart(std::size_t place) { *this = {.text = text, .size = size, .pages = pages, .at = place}; }
  /// Returns whether there is a whole block.
  bool has_block() const { return size >= kBlock + kSlack && at <= size - (kBlock + kSlack); }
};

/// Appends to `starts` where pretokens begin behind the one that the scan began with, of at most `blocks` blocks, and moves `at`
/// behind what has been scanned. Returns how many: at most 64 a block, and at `starts` is room for 64 more. Sets is_hard, and
/// leaves `at`, before a block that the reference has to take.
using ScanBlocks = std::size_t (*)(BlockScan& scan, std::size_t blocks, std::uint32_t* starts);

/// Returns the function for a pattern; null if there is none.
ScanBlocks block_scanner(Pattern pattern, SimdTier tier);

/// Returns the classes for BlockScan.
ClassPages class_pages();

}  // namespace lm
