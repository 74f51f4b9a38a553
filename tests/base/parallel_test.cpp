#include "base/parallel.h"

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <limits>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "base/error.h"

namespace lm {

TEST_CASE("every tile runs exactly once, on a worker that exists, for any number of threads") {
  for (const int threads : {1, 2, 3, 8}) {
    ThreadPool pool(threads);
    CHECK(pool.threads() == threads);
    for (const std::int64_t tiles : {0, 1, 2, 7, 1000}) {
      std::vector<std::atomic<int>> runs(static_cast<std::size_t>(tiles));
      std::atomic<bool> worker_exists{true};
      pool.run(tiles, [&](std::int64_t tile, int worker) {
        ++runs[static_cast<std::size_t>(tile)];
        if (worker < 0 || worker >= threads) worker_exists = false;
      });
      for (const auto& count : runs) CHECK(count == 1);
      CHECK(worker_exists);
    }
  }
}

TEST_CASE("no two tiles run at once on one worker") {
  ThreadPool pool(4);
  std::vector<std::atomic<int>> inside(4);
  std::atomic<int> clashes{0};
  pool.run(2000, [&](std::int64_t, int worker) {
    if (++inside[static_cast<std::size_t>(worker)] != 1) ++clashes;
    --inside[static_cast<std::size_t>(worker)];
  });
  CHECK(clashes == 0);
}

TEST_CASE("thousands of runs, back to back and with pauses in which the workers fall asleep, neither hang nor lose a tile") {
  for (const int threads : {2, 3, 5}) {
    ThreadPool pool(threads);
    std::atomic<std::int64_t> sum{0};
    constexpr int kRuns = 5000;
    for (int run = 0; run < kRuns; ++run) {
      pool.run(5, [&](std::int64_t tile, int) { sum += tile + 1; });
      if (run % 100 == 0) std::this_thread::sleep_for(std::chrono::microseconds(run % 300));
    }
    CHECK(sum == std::int64_t{15} * kRuns);
  }
}

TEST_CASE(
    "a team's members see what the others wrote before a barrier, also if one of them is late enough to be slept for") {
  for (const int threads : {1, 2, 3, 8}) {
    ThreadPool pool(threads);
    std::vector<int> written(static_cast<std::size_t>(threads));
    std::atomic<int> wrong{0};
    constexpr int kRounds = 40;
    for (int run = 0; run < 50; ++run) {
      pool.run_team([&](int member, TeamBarrier& barrier) {
        for (int round = 1; round <= kRounds; ++round) {
          if (round % 20 == 0 && member == run % threads) std::this_thread::sleep_for(std::chrono::microseconds(400));
          written[static_cast<std::size_t>(member)] = run * kRounds + round;
          barrier.wait();
          for (const int value : written) wrong += value == run * kRounds + round ? 0 : 1;
          barrier.wait();
        }
      });
    }
    CHECK(wrong == 0);
  }
}

TEST_CASE("pools that are made and dropped at once do not hang") {
  for (int i = 0; i < 300; ++i) {
    ThreadPool pool(3);
    if (i % 2 == 0) pool.run(3, [](std::int64_t, int) {});
  }
}

TEST_CASE("of several exceptions the lowest tile's is thrown, and the pool works on") {
  for (const int threads : {1, 2, 4}) {
    ThreadPool pool(threads);
    for (int repeat = 0; repeat < 200; ++repeat) {
      std::string caught;
      try {
        pool.run(64, [&](std::int64_t tile, int) {
          if (tile % 10 == 3) throw Error("tile " + std::to_string(tile));
        });
      } catch (const Error& error) {
        caught = error.what();
      }
      CHECK(caught == "tile 3");
    }
    std::atomic<int> count{0};
    pool.run(10, [&](std::int64_t, int) { ++count; });
    CHECK(count == 10);
  }
}

#if defined(__x86_64__) || defined(__aarch64__)
TEST_CASE("denormals are zero in every tile and live again in the caller afterwards") {
  volatile float tiny = std::numeric_limits<float>::min();
  for (const int threads : {1, 2, 3}) {
    ThreadPool pool(threads);
    for (const std::int64_t tiles : {1, 100}) {
      std::atomic<int> denormals{0};
      pool.run(tiles, [&](std::int64_t, int) {
        if (tiny * 0.5f != 0.0f) ++denormals;
      });
      CHECK(denormals == 0);
      CHECK(tiny * 0.5f != 0.0f);
    }
  }
}
#endif

TEST_CASE("there is at least one core") { CHECK(available_cores() >= 1); }

}  // namespace lm
