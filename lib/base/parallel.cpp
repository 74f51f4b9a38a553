#include "base/parallel.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <limits>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "base/error.h"

namespace lm {

namespace {

void pause_briefly() {
#if defined(__x86_64__)
  _mm_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// Denormal numbers cost a hundred cycles each and carry nothing that training needs.
class FlushDenormals {
 public:
#if defined(__x86_64__)
  FlushDenormals() : saved_(_mm_getcsr()) { _mm_setcsr(saved_ | 0x8040u); }  // flush to zero, denormals are zero
  ~FlushDenormals() { _mm_setcsr(saved_); }
#elif defined(__aarch64__)
  FlushDenormals() {
    asm volatile("mrs %0, fpcr" : "=r"(saved_));
    asm volatile("msr fpcr, %0" : : "r"(saved_ | std::uint64_t{1} << 24));
  }
  ~FlushDenormals() { asm volatile("msr fpcr, %0" : : "r"(saved_)); }
#else
  FlushDenormals() = default;
#endif
  FlushDenormals(const FlushDenormals&) = delete;
  FlushDenormals& operator=(const FlushDenormals&) = delete;

 private:
#if defined(__x86_64__)
  unsigned saved_;
#elif defined(__aarch64__)
  std::uint64_t saved_ = 0;
#endif
};

// Signals are for the thread that runs main(): workers are started with all of them blocked.
class BlockSignals {
 public:
  BlockSignals() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &saved_);
  }
  ~BlockSignals() { pthread_sigmask(SIG_SETMASK, &saved_, nullptr); }
  BlockSignals(const BlockSignals&) = delete;
  BlockSignals& operator=(const BlockSignals&) = delete;

 private:
  sigset_t saved_;
};

// How long a thread looks before it sleeps: longer than the gap between two kernels of a step, shorter than anyone notices.
constexpr std::chrono::microseconds kSpinTime{50};

// How long a member of a team does: the others are at work, and what it waits for comes within one product.
constexpr std::chrono::microseconds kTeamSpinTime{1000};

// Returns true as soon as condition() does; false when the time is over. Between looks other threads may have the core: if that is
// the one that is waited for, it can go on at once, and the system sees two that want to run, and moves one to an idle core.
template <class Condition>
bool spin_until(Condition condition, std::chrono::microseconds time = kSpinTime) {
  const auto end = std::chrono::steady_clock::now() + time;
  do {
    for (int i = 0; i < 64; ++i) {
      if (condition()) return true;
      pause_briefly();
    }
    sched_yield();
  } while (std::chrono::steady_clock::now() < end);
  return condition();
}

// How often a member of a team looks before it asks for the time: most waits are over by then.
constexpr int kFirstLooks = 256;

// The state word of a pool: number of the job, whether it takes workers, how many workers are in it.
constexpr std::uint64_t kWorkerUnit = 1;
constexpr std::uint64_t kWorkerMask = 0xFFFF;
constexpr std::uint64_t kOpen = 0x10000;
constexpr std::uint64_t kJobUnit = 0x20000;

bool is_open(std::uint64_t state) { return (state & kOpen) != 0; }
std::uint64_t job_of(std::uint64_t state) { return state / kJobUnit; }
std::uint64_t workers_in(std::uint64_t state) { return state & kWorkerMask; }

}  // namespace

// A worker joins a job by one compare-and-swap on `state`, so a worker that wakes late finds the job closed and never
// touches it: run() waits for those who joined only. Sleepers and the word they wait for are both sequentially consistent;
// whoever changes the word looks for sleepers afterwards, so none is missed.
struct ThreadPool::Shared {
  std::atomic<std::uint64_t> state{0};
  std::atomic<std::int64_t> next_tile{0};
  std::atomic<std::int64_t> failed_tile{0};
  std::atomic<int> sleeping_workers{0};
  std::atomic<bool> caller_sleeps{false};
  std::atomic<bool> stopping{false};

  // Written by run_tiles() while no worker is in a job.
  std::int64_t tiles = 0;
  void* context = nullptr;
  TileFunction function = nullptr;

  std::mutex mutex;
  std::condition_variable job_opened;
  std::condition_variable workers_left;
  std::exception_ptr failure;  // under mutex

  std::vector<std::thread> threads;
  std::unique_ptr<TeamBarrier> team_barrier;
  std::vector<std::atomic<int>> cores;  // on which each worker was last seen in a team; empty if there are too few for all

  void work(int worker);
  void run_worker(int worker);
  void wait_for_job(std::uint64_t last_job);
  void leave();
  void wait_for_workers();
  void stop();
};

// Tiles are handed out in rising order and only those above a failed one are skipped, so the lowest failing tile always
// runs.
void ThreadPool::Shared::work(int worker) {
  for (;;) {
    const std::int64_t tile = next_tile.fetch_add(1, std::memory_order_relaxed);
    if (tile >= tiles) return;
    if (tile > failed_tile.load(std::memory_order_relaxed)) continue;
    try {
      function(context, tile, worker);
    } catch (...) {
      const std::lock_guard lock(mutex);
      if (tile < failed_tile.load(std::memory_order_relaxed)) {
        failed_tile.store(tile, std::memory_order_relaxed);
        failure = std::current_exception();
      }
    }
  }
}

void ThreadPool::Shared::run_worker(int worker) {
  const FlushDenormals flush_denormals;
  std::uint64_t last_job = 0;
  while (!stopping.load()) {
    std::uint64_t seen = state.load();
    if (is_open(seen) && job_of(seen) != last_job) {
      if (!state.compare_exchange_strong(seen, seen + kWorkerUnit)) continue;
      last_job = job_of(seen);
      work(worker);
      leave();
    } else {
      wait_for_job(last_job);
    }
  }
}

void ThreadPool::Shared::wait_for_job(std::uint64_t last_job) {
  const auto ready = [&] {
    const std::uint64_t seen = state.load();
    return (is_open(seen) && job_of(seen) != last_job) || stopping.load();
  };
  if (spin_until(ready)) return;
  std::unique_lock lock(mutex);
  ++sleeping_workers;
  job_opened.wait(lock, ready);
  --sleeping_workers;
}

void ThreadPool::Shared::leave() {
  const std::uint64_t before = state.fetch_sub(kWorkerUnit);
  if (workers_in(before) == 1 && !is_open(before) && caller_sleeps.load()) {
    const std::lock_guard lock(mutex);
    workers_left.notify_one();
  }
}

void ThreadPool::Shared::wait_for_workers() {
  const auto done = [&] { return workers_in(state.load()) == 0; };
  if (spin_until(done)) return;
  std::unique_lock lock(mutex);
  caller_sleeps = true;
  workers_left.wait(lock, done);
  caller_sleeps = false;
}

void ThreadPool::Shared::stop() {
  stopping = true;
  {
    const std::lock_guard lock(mutex);
    job_opened.notify_all();
  }
  for (std::thread& thread : threads) thread.join();
  threads.clear();
}

ThreadPool::ThreadPool(int threads) : shared_(std::make_unique<Shared>()) {
  LM_CHECK(threads >= 1 && threads <= static_cast<int>(kWorkerMask));
  if (threads > 1 && threads <= available_cores()) {
    shared_->cores = std::vector<std::atomic<int>>(static_cast<std::size_t>(threads));
    for (std::atomic<int>& core : shared_->cores) core = -1;
  }
  const BlockSignals block_signals;
  try {
    for (int worker = 1; worker < threads; ++worker) {
      shared_->threads.emplace_back([shared = shared_.get(), worker] { shared->run_worker(worker); });
    }
  } catch (const std::system_error& error) {
    shared_->stop();
    throw SystemError("cannot start '" + std::to_string(threads) + " threads': " + error.code().message() +
                      "; use fewer, or raise the limit on addresses (ulimit -v) or processes (ulimit -u)");
  }
}

ThreadPool::~ThreadPool() { shared_->stop(); }

int ThreadPool::threads() const { return static_cast<int>(shared_->threads.size()) + 1; }

void ThreadPool::run_tiles(std::int64_t tiles, void* context, TileFunction function) {
  if (tiles <= 0) return;
  const FlushDenormals flush_denormals;
  if (shared_->threads.empty() || tiles == 1) {
    for (std::int64_t tile = 0; tile < tiles; ++tile) function(context, tile, 0);
    return;
  }
  const std::uint64_t before = shared_->state.load();
  LM_CHECK(!is_open(before) && workers_in(before) == 0);
  shared_->tiles = tiles;
  shared_->context = context;
  shared_->function = function;
  shared_->next_tile = 0;
  shared_->failed_tile = std::numeric_limits<std::int64_t>::max();
  shared_->state = (before + kJobUnit) | kOpen;
  if (shared_->sleeping_workers.load() > 0) {
    const std::lock_guard lock(shared_->mutex);
    shared_->job_opened.notify_all();
  }
  shared_->work(0);
  shared_->state.fetch_and(~kOpen);
  shared_->wait_for_workers();
  if (shared_->failure) std::rethrow_exception(std::exchange(shared_->failure, nullptr));
}

// All threads are in the job: one that took a member waits at its barriers for those that take the others, and takes no second
// one. So a barrier needs no more than the pool's number of threads.
TeamBarrier& ThreadPool::team_barrier() {
  if (!shared_->team_barrier) shared_->team_barrier = std::make_unique<TeamBarrier>(threads());
  return *shared_->team_barrier;
}

// Threads that wait for each other every few microseconds look to the system like one that runs, so that two of them may stay on
// one core for seconds while another is idle. Who sees that moves: by a mask without the others' cores, which is then taken back.
void ThreadPool::leave_shared_core(int worker) {
  std::vector<std::atomic<int>>& cores = shared_->cores;
  if (cores.empty()) return;
  const int core = sched_getcpu();
  cores[static_cast<std::size_t>(worker)].store(core, std::memory_order_relaxed);
  const auto before = [&](auto&& each) {
    for (int other = 0; other < worker; ++other)
      each(cores[static_cast<std::size_t>(other)].load(std::memory_order_relaxed));
  };
  bool shared = false;
  before([&](int other) { shared = shared || other == core; });
  cpu_set_t allowed;
  if (!shared || sched_getaffinity(0, sizeof(allowed), &allowed) != 0) return;  // or more cores than the set holds
  cpu_set_t free = allowed;
  before([&](int other) {
    if (other >= 0 && other < CPU_SETSIZE) CPU_CLR(static_cast<std::size_t>(other), &free);
  });
  if (CPU_COUNT(&free) == 0 || sched_setaffinity(0, sizeof(free), &free) != 0) return;
  sched_setaffinity(0, sizeof(allowed), &allowed);
  cores[static_cast<std::size_t>(worker)].store(sched_getcpu(), std::memory_order_relaxed);
}

// The word that everybody waits for counts the waits that are over. Sleepers and that word are sequentially consistent, as in
// the pool: who changes the word looks for sleepers afterwards.
struct TeamBarrier::State {
  alignas(64) std::atomic<int> arrived{0};
  alignas(64) std::atomic<std::uint32_t> passed{0};
  alignas(64) std::atomic<int> sleepers{0};
  std::mutex mutex;
  std::condition_variable released;
  int members = 1;
};

TeamBarrier::TeamBarrier(int members) : state_(std::make_unique<State>()) { state_->members = members; }
TeamBarrier::~TeamBarrier() = default;

void TeamBarrier::wait() {
  State& state = *state_;
  if (state.members == 1) return;
  const std::uint32_t before = state.passed.load(std::memory_order_relaxed);
  if (state.arrived.fetch_add(1) == state.members - 1) {
    state.arrived.store(0, std::memory_order_relaxed);
    state.passed.store(before + 1);
    if (state.sleepers.load() == 0) return;
    const std::lock_guard lock(state.mutex);
    state.released.notify_all();
    return;
  }
  const auto over = [&] { return state.passed.load() != before; };
  for (int i = 0; i < kFirstLooks; ++i) {
    if (over()) return;
    pause_briefly();
  }
  if (spin_until(over, kTeamSpinTime)) return;
  std::unique_lock lock(state.mutex);
  ++state.sleepers;
  state.released.wait(lock, over);
  --state.sleepers;
}

int available_cores() {
  for (int capacity = 1024; capacity <= 1 << 20; capacity *= 2) {
    cpu_set_t* set = CPU_ALLOC(static_cast<std::size_t>(capacity));
    if (set == nullptr) break;
    const std::size_t size = CPU_ALLOC_SIZE(static_cast<std::size_t>(capacity));
    const int cores = sched_getaffinity(0, size, set) == 0 ? CPU_COUNT_S(size, set) : 0;
    CPU_FREE(set);
    if (cores > 0) return cores;
  }
  return 1;
}

}  // namespace lm
