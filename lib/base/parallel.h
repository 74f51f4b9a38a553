// Our one pool of threads: fixed tiles handed out dynamically, so results never depend on the number of threads.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>

namespace lm {

/// Where the members of a team wait for each other. They spin for a moment, then sleep, so that a member whose core serves
/// another program costs the others no core for long.
class TeamBarrier {
 public:
  explicit TeamBarrier(int members);
  ~TeamBarrier();
  TeamBarrier(const TeamBarrier&) = delete;
  TeamBarrier& operator=(const TeamBarrier&) = delete;
  /// Returns when all members have called it; what they wrote before is then seen by all.
  void wait();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Workers spin for a moment, then sleep. Flush-to-zero and denormals-are-zero are set in every worker (not in the caller's
/// thread outside run()). Not reentrant: a body may not call run() on the same pool. An exception thrown by a body is
/// rethrown by run() after all tiles ended or were skipped; of several, that of the lowest tile.
class ThreadPool {
 public:
  /// threads >= 1, the calling thread included.
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const;

  /// Calls body(tile, worker) once for every tile in [0, tiles), worker in [0, threads()). Tiles are what results depend on;
  /// which worker computes which is not fixed. Returns when all are done.
  template <class Body>
  void run(std::int64_t tiles, Body&& body) {
    run_tiles(tiles, const_cast<void*>(static_cast<const void*>(&body)), [](void* context, std::int64_t tile, int worker) {
      (*static_cast<std::remove_reference_t<Body>*>(context))(tile, worker);
    });
  }

  /// Calls body(member, barrier) on every thread of the pool at the same time, each with its own member in [0, threads()).
  /// The body may not throw: others would wait for it at the barrier. Which thread is which member is not fixed.
  template <class Body>
  void run_team(Body&& body) {
    TeamBarrier& barrier = team_barrier();
    run(threads(), [&](std::int64_t member, int worker) {
      leave_shared_core(worker);
      body(static_cast<int>(member), barrier);
    });
  }

 private:
  TeamBarrier& team_barrier();
  void leave_shared_core(int worker);
  using TileFunction = void (*)(void* context, std::int64_t tile, int worker);
  void run_tiles(std::int64_t tiles, void* context, TileFunction function);
  struct Shared;
  std::unique_ptr<Shared> shared_;
};

/// Returns the number of cores that this process may use (its affinity mask), at least 1.
int available_cores();

}  // namespace lm
