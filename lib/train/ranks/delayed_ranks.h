// DelayedRanks: ranks whose messages take longer, as over a slower network, for measuring what is hidden behind computing.
#pragma once

#include <algorithm>
#include <chrono>
#include <memory>
#include <thread>
#include <utility>

#include "train/ranks/ranks.h"

namespace lm {

/// What a message takes in addition: of `bytes` bytes, latency + bytes / bandwidth.
struct MessageDelay {
  double latency = 0;    // seconds
  double bandwidth = 0;  // bytes a second; 0: unbounded
};

class DelayedRanks final : public Ranks {
 public:
  DelayedRanks(std::unique_ptr<Ranks> ranks, MessageDelay delay) : ranks_(std::move(ranks)), delay_(delay) {}
  int size() const override { return ranks_->size(); }
  int rank() const override { return ranks_->rank(); }
  void exchange(int partner, std::span<const std::byte> out, std::span<std::byte> in) override {
    ranks_->exchange(partner, out, in);
    wait(1, std::max(out.size(), in.size()));
  }
  void all_gather(std::span<std::byte> all) override {
    ranks_->all_gather(all);
    wait(rounds(), all.size());
  }
  void broadcast(std::span<std::byte> bytes) override {
    ranks_->broadcast(bytes);
    wait(rounds(), bytes.size());
  }
  void barrier() override {
    ranks_->barrier();
    wait(rounds(), 0);
  }
  void end_all(int status) override { ranks_->end_all(status); }

 private:
  /// Returns the messages after each other that a tree over all ranks takes.
  int rounds() const {
    int count = 0;
    while ((1 << count) < size()) ++count;
    return count;
  }
  void wait(int messages, std::size_t bytes) const {
    const double transfer = delay_.bandwidth > 0 ? static_cast<double>(bytes) / delay_.bandwidth : 0;
    std::this_thread::sleep_for(std::chrono::duration<double>(messages * delay_.latency + transfer));
  }
  std::unique_ptr<Ranks> ranks_;
  MessageDelay delay_;
};

}  // namespace lm
