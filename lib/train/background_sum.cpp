#include "train/background_sum.h"

#include <chrono>
#include <utility>

namespace lm {

namespace {

double seconds_now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

}  // namespace

BackgroundSum::BackgroundSum(RankSum& sum, SimdTier tier) : sum_(sum), compute_(1, tier) {
  thread_ = std::thread([this] { work(); });
}

BackgroundSum::~BackgroundSum() {
  {
    const std::lock_guard lock(mutex_);
    ends_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void BackgroundSum::add_up(const Parameters<float>& gradients, std::int64_t begin, std::int64_t end, StepPlan plan) {
  const std::lock_guard lock(mutex_);
  tasks_.push_back({.gradients = &gradients, .begin = begin, .end = end, .plan = plan});
  changed_.notify_all();
}

void BackgroundSum::wait() {
  const double begun = seconds_now();
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return tasks_.empty(); });
  waited_seconds_ += seconds_now() - begun;
  if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
}

void BackgroundSum::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [&] { return ends_ || !tasks_.empty(); });
    if (tasks_.empty()) return;
    const Task task = tasks_.front();
    const bool failed = failure_ != nullptr;
    lock.unlock();
    std::exception_ptr failure;
    const double begun = seconds_now();
    try {
      if (!failed) sum_.add_up(compute_, *task.gradients, task.begin, task.end, task.plan);
    } catch (...) {
      failure = std::current_exception();
    }
    lock.lock();
    busy_seconds_ += seconds_now() - begun;
    if (failure) failure_ = failure;
    tasks_.pop_front();
    changed_.notify_all();
  }
}

}  // namespace lm
