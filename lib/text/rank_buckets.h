// Queues of places in the order of their ranks, for merging long pretokens: a heap, and for very long ones buckets.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

namespace lm {

/// A queue of (rank, place) pairs, lowest rank first, of equal ones the lowest place.
class RankHeap {
 public:
  void reset(std::uint32_t) { entries_.clear(); }
  void push(std::uint32_t rank, std::uint32_t place) {
    entries_.push_back((std::uint64_t{rank} << 32) | place);
    std::push_heap(entries_.begin(), entries_.end(), std::greater<>());
  }
  /// Takes the next pair; returns false if there is none.
  bool pop(std::uint32_t& rank, std::uint32_t& place) {
    if (entries_.empty()) return false;
    std::pop_heap(entries_.begin(), entries_.end(), std::greater<>());
    rank = static_cast<std::uint32_t>(entries_.back() >> 32U);
    place = static_cast<std::uint32_t>(entries_.back());
    entries_.pop_back();
    return true;
  }
  bool empty() const { return entries_.empty(); }
  const std::uint32_t* ahead() const { return nullptr; }
  std::uint64_t front() const { return entries_.front(); }

 private:
  std::vector<std::uint64_t> entries_;
};

/// The same queue. What is pushed while a rank is handed out
/// nearly always has a higher rank: so a list for each rank, sorted when its turn comes, does what a heap would in a fraction of
/// its time. The few others go through a small heap.
class RankBuckets {
 public:
  /// Empties the queue, for ranks below `ranks`.
  void reset(std::uint32_t ranks) {
    buckets_.assign(ranks, {});
    used_.assign(ranks / 64 + 1, 0);
    current_.clear();
    urgent_.reset(ranks);
    next_ = 0;
    rank_ = 0;
    started_ = false;
  }
  void push(std::uint32_t rank, std::uint32_t place) {
    if (started_ && rank <= rank_) {
      urgent_.push(rank, place);
      return;
    }
    buckets_[rank].push_back(place);
    used_[rank / 64] |= std::uint64_t{1} << (rank % 64);
  }
  /// Takes the next pair; returns false if there is none.
  bool pop(std::uint32_t& rank, std::uint32_t& place) {
    while (next_ == current_.size() && urgent_.empty()) {
      if (!open_next()) return false;
    }
    const bool has_current = next_ < current_.size();
    if (urgent_.empty() || (has_current && ((std::uint64_t{rank_} << 32) | current_[next_]) < urgent_.front())) {
      rank = rank_;
      place = current_[next_++];
      return true;
    }
    return urgent_.pop(rank, place);
  }
  /// Returns a place that will be handed out soon, or null if none is known.
  const std::uint32_t* ahead() const {
    constexpr std::size_t kAhead = 12;
    return next_ + kAhead < current_.size() ? &current_[next_ + kAhead] : nullptr;
  }
  /// Gives its memory back.
  void release() { *this = RankBuckets(); }

 private:
  /// Makes the lowest rank that has places the current one.
  bool open_next() {
    std::size_t word = rank_ / 64;
    while (word < used_.size() && used_[word] == 0) ++word;
    if (word == used_.size()) return false;
    rank_ = static_cast<std::uint32_t>(word * 64) + static_cast<std::uint32_t>(std::countr_zero(used_[word]));
    used_[word] &= used_[word] - 1;
    started_ = true;
    current_ = std::move(buckets_[rank_]);
    buckets_[rank_] = {};
    next_ = 0;
    sort_current();
    return true;
  }

  /// Sorts the places, which were pushed in a few rising runs nearly always, one for each rank whose merges made these pairs.
  void sort_current() {
    runs_.assign(1, 0);
    for (std::size_t i = 1; i < current_.size(); ++i) {
      if (current_[i] < current_[i - 1]) runs_.push_back(i);
    }
    runs_.push_back(current_.size());
    const auto at = [&](std::size_t run) { return current_.begin() + static_cast<std::ptrdiff_t>(runs_[run]); };
    while (runs_.size() > 2) {
      std::size_t kept = 1;
      for (std::size_t run = 0; run + 1 < runs_.size(); run += 2) {
        const std::size_t last = std::min(run + 2, runs_.size() - 1);
        if (run + 2 == last) std::inplace_merge(at(run), at(run + 1), at(last));
        runs_[kept++] = runs_[last];
      }
      runs_.resize(kept);
    }
  }

  std::vector<std::vector<std::uint32_t>> buckets_;  // places by rank, in the order in which they were pushed
  std::vector<std::uint64_t> used_;                  // a bit for each rank that has places
  std::vector<std::uint32_t> current_;               // places of rank_, from next_ on to be handed out
  std::vector<std::size_t> runs_;                    // where rising runs of current_ begin, and its end
  std::size_t next_ = 0;
  std::uint32_t rank_ = 0;
  bool started_ = false;
  RankHeap urgent_;  // of ranks up to rank_
};

}  // namespace lm
