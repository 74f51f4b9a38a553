// Ranks: the processes that share a training run, numbered from 0, and the few ways in which they exchange bytes.
//
// The interface is small so that tests can have ranks that are threads, and so that MPI is known to one file only. A step needs
// no more: sums are exchanges with partners, so that the order of additions is ours and not a library's.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

#include "base/round.h"

namespace lm {

/// Every rank calls the same functions in the same order. At most one thread of a rank may be inside one at a time.
class Ranks {
 public:
  virtual ~Ranks() = default;
  virtual int size() const = 0;
  virtual int rank() const = 0;
  /// Sends `out` to `partner` and receives `in` from it; the partner's call names this rank and has the same sizes. Either may
  /// be empty.
  virtual void exchange(int partner, std::span<const std::byte> out, std::span<std::byte> in) = 0;
  /// `all` has size() equal parts, of which this rank has filled its own; fills in the others.
  virtual void all_gather(std::span<std::byte> all) = 0;
  /// Gives all ranks what rank 0 has.
  virtual void broadcast(std::span<std::byte> bytes) = 0;
  /// Returns when all ranks have called it.
  virtual void barrier() = 0;
  /// Ends the processes of all ranks, this one too, with an exit status. Returns if there is only this process.
  virtual void end_all(int status) = 0;
};

/// The only rank of a run that one process makes.
class OneRank final : public Ranks {
 public:
  int size() const override { return 1; }
  int rank() const override { return 0; }
  void exchange(int, std::span<const std::byte>, std::span<std::byte>) override {
    throw std::logic_error("one rank has no partner");
  }
  void all_gather(std::span<std::byte>) override {}
  void broadcast(std::span<std::byte>) override {}
  void barrier() override {}
  void end_all(int) override {}
};

/// Thrown if a rank can no longer be reached: its process has ended. Whoever started the ranks says so.
class RankLost : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

template <class T>
std::span<std::byte> bytes_of(T& value) requires std::is_trivially_copyable_v<T> {
  return std::as_writable_bytes(std::span<T, 1>(&value, 1));
}

/// Returns rank 0's value.
template <class T>
T from_first(Ranks& ranks, T value) requires std::is_trivially_copyable_v<T> {
  ranks.broadcast(bytes_of(value));
  return value;
}

/// Returns each rank's value, in their order.
template <class T>
std::vector<T> from_all(Ranks& ranks, const T& value) requires std::is_trivially_copyable_v<T> {
  std::vector<T> all(static_cast<std::size_t>(ranks.size()));
  all[static_cast<std::size_t>(ranks.rank())] = value;
  ranks.all_gather(std::as_writable_bytes(std::span(all)));
  return all;
}

/// Returns the first rank that says so; empty: none does.
inline std::optional<int> first_rank_that(Ranks& ranks, bool says) {
  const std::vector<char> all = from_all(ranks, static_cast<char>(says));
  const auto found = std::find_if(all.begin(), all.end(), [](char one) { return one != 0; });
  return found == all.end() ? std::nullopt : std::optional(static_cast<int>(found - all.begin()));
}

/// Returns whether so many ranks can share a step of so many micro-batches: each computes a subtree of their sum.
inline bool can_share(int ranks, std::int64_t micro_batches) {
  return ranks == 1 || (is_power_of_two(ranks) && micro_batches % ranks == 0 && is_power_of_two(micro_batches / ranks));
}

}  // namespace lm
