// BackgroundSum: the sums over ranks of what is complete of the gradients, while the rest of them is still computed.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <mutex>
#include <thread>

#include "kernels/compute.h"
#include "train/rank_sum.h"

namespace lm {

/// Has a thread of its own, which exchanges and adds, and sleeps while it waits for others. Every rank must give it the same
/// ranges in the same order.
class BackgroundSum {
 public:
  /// The sum outlives it.
  BackgroundSum(RankSum& sum, SimdTier tier);
  ~BackgroundSum();
  BackgroundSum(const BackgroundSum&) = delete;
  BackgroundSum& operator=(const BackgroundSum&) = delete;

  /// Begins RankSum::add_up(), after those begun before. Nobody else may use the ranks until wait() has returned.
  void add_up(const Parameters<float>& gradients, std::int64_t begin, std::int64_t end, StepPlan plan);
  /// Returns when all of them are done. Throws what one of them threw.
  void wait();
  /// Return the seconds that sums have taken, and those of them that wait() has waited for.
  double busy_seconds() const { return busy_seconds_; }
  double waited_seconds() const { return waited_seconds_; }

 private:
  struct Task {
    const Parameters<float>* gradients;
    std::int64_t begin, end;
    StepPlan plan;
  };
  void work();

  RankSum& sum_;
  Compute compute_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Task> tasks_;  // the first is in work
  std::exception_ptr failure_;
  bool ends_ = false;
  double busy_seconds_ = 0, waited_seconds_ = 0;
  std::thread thread_;
};

}  // namespace lm
