// The limit on how much longer a text may become by the steps of a normalizer or decoder.
#pragma once

#include <cstddef>
#include <string>

#include "base/error.h"

namespace lm {

/// Returns how many bytes steps may make of a text of `size` bytes. No tokenizer needs as many; a file could ask for more than
/// there is memory, since each step may multiply what the one before made.
inline std::size_t growth_limit(std::size_t size) { return (std::size_t{1} << 20) + 64 * size; }

/// Throws Error if steps have made more of a text than they may.
inline void refuse_growth(std::size_t made, std::size_t limit) {
  if (made <= limit) return;
  throw Error("the tokenizer's normalizer or decoder makes more than " + std::to_string(limit >> 10) +
              " KiB of a short text; is its file whole?");
}

}  // namespace lm
