#include "text/pattern/word_cuts.h"

#include <algorithm>

#include "text/pattern/simd/word_finders.h"

namespace lm {

namespace portable {
WordFinders word_finders();
}
#if defined(__x86_64__)
namespace avx2 {
WordFinders word_finders();
}
namespace avx512 {
WordFinders word_finders();
}
#endif

namespace {

WordFinders finders_of(SimdTier tier) {
#if defined(__x86_64__)
  if (tier == SimdTier::avx2) return avx2::word_finders();
  if (tier == SimdTier::avx512) return avx512::word_finders();
#endif
  static_cast<void>(tier);
  return portable::word_finders();
}

}  // namespace

bool is_word_cut(WordCuts cuts, unsigned char before, unsigned char at) {
  const auto is_alphanumeric = [](unsigned char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
  };
  const auto is_punctuation = [&](unsigned char c) { return c > ' ' && c < 0x7F && !is_alphanumeric(c); };
  const bool is_blank = at == ' ' || at == '\t' || at == '\n' || at == '\r';
  switch (cuts) {
    case WordCuts::none:
      return false;
    case WordCuts::before_blank:
      return (is_alphanumeric(before) || is_punctuation(before)) && at == ' ';
    case WordCuts::around_punctuation:
      return (is_alphanumeric(before) && (is_punctuation(at) || is_blank)) ||
             (is_punctuation(before) && (is_punctuation(at) || is_blank || is_alphanumeric(at)));
  }
  return false;
}

WordSpans::WordSpans(WordCuts cuts, SimdTier tier) : cuts_(cuts), find_(nullptr) {
  const WordFinders finders = finders_of(tier);
  if (cuts == WordCuts::before_blank) find_ = finders.before_blank;
  if (cuts == WordCuts::around_punctuation) find_ = finders.around_punctuation;
}

void WordSpans::begin(std::string_view text) {
  text_ = text;
  at_ = 1;
  count_ = 0;
  starts_[0] = 0;
}

std::size_t WordSpans::next() {
  const auto* bytes = reinterpret_cast<const unsigned char*>(text_.data());
  std::size_t count = 0;
  starts_[0] = starts_[count_];
  while (count < kMost && at_ < text_.size()) {
    const std::size_t blocks = find_ == nullptr ? 0 : std::min((text_.size() - at_) / kBlock, kBlocks);
    if (blocks > 0) {
      count += find_(bytes, static_cast<std::uint32_t>(at_), blocks, starts_.data() + count + 1);
      at_ += blocks * kBlock;
      continue;
    }
    if (is_word_cut(cuts_, bytes[at_ - 1], bytes[at_])) starts_[++count] = static_cast<std::uint32_t>(at_);
    ++at_;
  }
  if (at_ >= text_.size() && starts_[count] < text_.size()) starts_[++count] = static_cast<std::uint32_t>(text_.size());
  return count_ = count;
}

}  // namespace lm
