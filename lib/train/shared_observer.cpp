#include "train/shared_observer.h"

#include <algorithm>

namespace lm {

bool SharedObserver::stop_requested() {
  const std::vector<char> asked = from_all(ranks_, static_cast<char>(own_.stop_requested()));
  return std::any_of(asked.begin(), asked.end(), [](char one) { return one != 0; });
}

void SharedObserver::maybe_save() {
  if (!leads()) return trainer_.follow();
  own_.maybe_save();
  trainer_.release();
}

}  // namespace lm
