#include "text/pattern/pretoken_spans.h"

namespace lm {

void PretokenSpans::begin(std::string_view text, bool is_final) {
  text_ = text;
  is_final_ = is_final;
  in_blocks_ = false;
  reference_to_ = 0;
  count_ = 0;
  starts_[0] = 0;
  scan_.text = reinterpret_cast<const unsigned char*>(text.data());
  scan_.size = text.size();
  if (scan_blocks_ != nullptr) scan_.pages = class_pages();
}

/// Returns whether blocks are scanned where `place` is the last start.
bool PretokenSpans::uses_blocks(std::size_t place) {
  if (scan_blocks_ == nullptr) return false;
  if (!in_blocks_) {
    if (place < reference_to_) return false;
    scan_.restart(place);
    in_blocks_ = true;
  }
  if (scan_.has_block() && !scan_.is_hard) return true;
  reference_to_ = scan_.is_hard ? scan_.at + BlockScan::kBlock : text_.size();
  in_blocks_ = false;
  return false;
}

/// Takes one pretoken from the reference; returns false if there is none.
bool PretokenSpans::scan_one(std::size_t& count) {
  const std::size_t place = starts_[count];
  if (place == text_.size()) return false;
  const Pretoken pretoken = next_pretoken(pattern_, text_.substr(place));
  if (pretoken.saw_end && !is_final_) return false;
  starts_[++count] = static_cast<std::uint32_t>(place + pretoken.length);
  return true;
}

std::size_t PretokenSpans::next() {
  starts_[0] = starts_[count_];
  std::size_t count = 0;
  while (count < kEnough) {
    if (uses_blocks(starts_[count])) {
      count += scan_blocks_(scan_, kBlocks, starts_.data() + count + 1);
    } else if (!scan_one(count)) {
      break;
    }
  }
  return count_ = count;
}

}  // namespace lm
