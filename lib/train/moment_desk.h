// MomentDesk: where rank 0, the only one that writes, gets the moments that other ranks hold.
//
// Rank 0 does as it would without others, and asks when it needs something; the others follow it until it lets them continue.
// So what is written, when, and whether writing fails is decided in one place, and no rank holds more than its shard.
#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "train/optimizer.h"
#include "train/ranks/ranks.h"

namespace lm {

class MomentDesk {
 public:
  MomentDesk(Ranks& ranks, const Optimizer& optimizer) : ranks_(ranks), optimizer_(optimizer) {}

  /// Answers rank 0 until it calls release(). For all other ranks.
  void follow(const std::function<bool()>& own_finite);
  /// Lets the others continue. For rank 0, once for each follow() of the others.
  void release();

  /// Open while it exists. For rank 0, while the others follow.
  class Reading {
   public:
    /// `own_finite` is what follow() asks of the others.
    Reading(MomentDesk& desk, bool own_finite);
    ~Reading();
    Reading(const Reading&) = delete;
    Reading& operator=(const Reading&) = delete;
    /// Returns whether the moments of all ranks are finite.
    bool all_finite() const { return all_finite_; }
    /// Copies elements [first, first + out.size()) of a tensor's moment, whoever has them.
    void read(Moment which, std::size_t tensor, std::int64_t first, std::span<float> out) const;

   private:
    MomentDesk& desk_;
    bool all_finite_ = true;
  };

 private:
  enum class Command : std::int32_t { release, answer };
  /// Elements that rank 0 asks for; none: nothing more.
  struct Question {
    Moment which = Moment::first;
    std::size_t tensor = 0;
    std::int64_t first = 0, size = 0;
  };
  void answer();
  Ranks& ranks_;
  const Optimizer& optimizer_;
};

}  // namespace lm
