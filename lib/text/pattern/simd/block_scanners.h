// The functions that each SIMD tier has for block_scan.h.
#pragma once

#include "text/pattern/block_scan.h"

namespace lm {

struct BlockScanners {
  ScanBlocks gpt2, llama3, qwen2, qwen35, o200k, tekken;
};

}  // namespace lm
