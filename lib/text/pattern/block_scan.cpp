#include "text/pattern/block_scan.h"

#include "text/pattern/simd/block_scanners.h"
#include "text/unicode/unicode.h"

namespace lm {

namespace portable {
BlockScanners block_scanners();
}
#if defined(__x86_64__)
namespace avx2 {
BlockScanners block_scanners();
}
namespace avx512 {
BlockScanners block_scanners();
}
#endif

namespace {

BlockScanners scanners_of(SimdTier tier) {
#if defined(__x86_64__)
  if (tier == SimdTier::avx2) return avx2::block_scanners();
  if (tier == SimdTier::avx512) return avx512::block_scanners();
#endif
  static_cast<void>(tier);
  return portable::block_scanners();
}

}  // namespace

ScanBlocks block_scanner(Pattern pattern, SimdTier tier) {
  const BlockScanners scanners = scanners_of(tier);
  switch (pattern) {
    case Pattern::gpt2:
    case Pattern::r50k:  // differs at the end of the text only, which the reference takes
      return scanners.gpt2;
    case Pattern::cl100k:
    case Pattern::llama3:
      return scanners.llama3;
    case Pattern::qwen2:
      return scanners.qwen2;
    case Pattern::qwen35:
      return scanners.qwen35;
    case Pattern::o200k:
      return scanners.o200k;
    case Pattern::tekken:
      return scanners.tekken;
    case Pattern::smollm:
    case Pattern::deepseek_coder:
    case Pattern::deepseek_llm:
    case Pattern::deepseek_v3:
    case Pattern::none:
      break;
  }
  return nullptr;
}

ClassPages class_pages() {
  const UnicodeClasses& classes = UnicodeClasses::get();
  static_assert(sizeof(CharClass) == 1);
  return {.page_of = classes.page_of(), .classes = reinterpret_cast<const std::uint8_t*>(classes.pages())};
}

}  // namespace lm
