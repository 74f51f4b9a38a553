#include "train/shared_observer.h"

namespace lm {

RunRequests SharedObserver::requests() {
  RunRequests all;
  for (const RunRequests& of_rank : from_all(ranks_, own_.requests())) {
    if (all.stop == 0) all.stop = of_rank.stop;
    all.save = all.save || of_rank.save;
  }
  stop_ = all.stop;
  return all;
}

void SharedObserver::maybe_save(const RunRequests& requests) {
  if (!leads()) return trainer_.follow();
  own_.maybe_save(requests);
  trainer_.release();
}

}  // namespace lm
