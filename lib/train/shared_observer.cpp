#include "train/shared_observer.h"

namespace lm {

bool SharedObserver::stop_requested() { return first_rank_that(ranks_, own_.stop_requested()).has_value(); }

void SharedObserver::maybe_save() {
  if (!leads()) return trainer_.follow();
  own_.maybe_save();
  trainer_.release();
}

}  // namespace lm
