#include "text/training/live_pairs.h"

#include <utility>

namespace lm {

void LivePairs::grow() {
  PageArray<Pair> old(slots_.size() * 2);
  std::swap(old, slots_);
  for (Pair& slot : slots_.span()) slot.pair = kFree;
  for (const Pair& slot : old.span()) {
    if (slot.pair != kFree) *slot_of(slot.pair) = slot;
  }
}

}  // namespace lm
