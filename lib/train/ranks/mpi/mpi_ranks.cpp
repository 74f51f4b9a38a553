// The ranks of an MPI launcher: the only file that knows MPI, built as a module of its own (rank_module.h).
#define OMPI_SKIP_MPICXX 1
#define MPICH_SKIP_MPICXX 1
#include <mpi.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <climits>
#include <cstring>
#include <string>
#include <thread>

#include "train/ranks/ranks.h"

namespace lm {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kLargestMessage = std::size_t{1} << 30;
// A wait spins for as long as a message between cores takes, then leaves the core to whoever computes, for a part of the time
// that it has taken already.
constexpr std::chrono::microseconds kSpin{30};
constexpr std::chrono::microseconds kShortestSleep{20}, kLongestSleep{500};
constexpr int kSleepPart = 16;
constexpr std::chrono::milliseconds kLookEvery{500};

/// Where a process is: those with the same host and system of process numbers can see whether it lives.
struct Place {
  std::array<char, 256> host = {};
  std::array<char, 64> processes = {};
  pid_t process = 0;
};

Place own_place() {
  Place place;
  gethostname(place.host.data(), place.host.size() - 1);
  if (readlink("/proc/self/ns/pid", place.processes.data(), place.processes.size() - 1) < 0) place.processes[0] = '\0';
  place.process = getpid();
  return place;
}

class MpiRanks final : public Ranks {
 public:
  MpiRanks() {
    int provided = 0;
    MPI_Init_thread(nullptr, nullptr, MPI_THREAD_SERIALIZED, &provided);
    MPI_Comm_size(MPI_COMM_WORLD, &size_);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank_);
    if (provided < MPI_THREAD_SERIALIZED)
      throw std::runtime_error("this MPI library has no support for threads (MPI_THREAD_SERIALIZED); use one that has");
    places_ = from_all(*this, own_place());
  }
  ~MpiRanks() override {
    if (!lost_) MPI_Finalize();
  }
  MpiRanks(const MpiRanks&) = delete;
  MpiRanks& operator=(const MpiRanks&) = delete;

  int size() const override { return size_; }
  int rank() const override { return rank_; }

  void exchange(int partner, std::span<const std::byte> out, std::span<std::byte> in) override {
    while (!out.empty() || !in.empty()) {
      const auto sent = out.first(std::min(out.size(), kLargestMessage));
      const auto received = in.first(std::min(in.size(), kLargestMessage));
      std::array<MPI_Request, 2> requests = {MPI_REQUEST_NULL, MPI_REQUEST_NULL};
      if (!received.empty())
        MPI_Irecv(received.data(), static_cast<int>(received.size()), MPI_BYTE, partner, 0, MPI_COMM_WORLD, &requests[0]);
      if (!sent.empty())
        MPI_Isend(sent.data(), static_cast<int>(sent.size()), MPI_BYTE, partner, 0, MPI_COMM_WORLD, &requests[1]);
      wait(requests);
      out = out.subspan(sent.size());
      in = in.subspan(received.size());
    }
  }

  void all_gather(std::span<std::byte> all) override {
    const std::size_t part = all.size() / static_cast<std::size_t>(size_);
    if (part > INT_MAX) throw std::runtime_error("too much to gather at once");
    std::array<MPI_Request, 1> request = {MPI_REQUEST_NULL};
    MPI_Iallgather(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, all.data(), static_cast<int>(part), MPI_BYTE, MPI_COMM_WORLD,
                   request.data());
    wait(request);
  }

  void broadcast(std::span<std::byte> bytes) override {
    while (!bytes.empty()) {
      const auto part = bytes.first(std::min(bytes.size(), kLargestMessage));
      std::array<MPI_Request, 1> request = {MPI_REQUEST_NULL};
      MPI_Ibcast(part.data(), static_cast<int>(part.size()), MPI_BYTE, 0, MPI_COMM_WORLD, request.data());
      wait(request);
      bytes = bytes.subspan(part.size());
    }
  }

  void barrier() override {
    std::array<MPI_Request, 1> request = {MPI_REQUEST_NULL};
    MPI_Ibarrier(MPI_COMM_WORLD, request.data());
    wait(request);
  }

  void end_all(int status) override { MPI_Abort(MPI_COMM_WORLD, status); }

 private:
  /// MPI's own waits spin, which would take the core from the threads that compute.
  void wait(std::span<MPI_Request> requests) {
    const Clock::time_point begun = Clock::now();
    Clock::time_point looked = begun;
    for (int done = 0;;) {
      MPI_Testall(static_cast<int>(requests.size()), requests.data(), &done, MPI_STATUSES_IGNORE);
      if (done != 0) return;
      const Clock::time_point now = Clock::now();
      if (now - begun < kSpin) continue;
      std::this_thread::sleep_for(std::clamp<Clock::duration>((now - begun) / kSleepPart, kShortestSleep, kLongestSleep));
      if (now - looked < kLookEvery) continue;
      looked = now;
      look_for_others();
    }
  }

  /// A launcher that waits long between SIGTERM and SIGKILL would leave the others waiting for a rank that has died.
  void look_for_others() {
    if (places_.empty()) return;
    const Place& own = places_[static_cast<std::size_t>(rank_)];
    for (int other = 0; other < size_; ++other) {
      const Place& place = places_[static_cast<std::size_t>(other)];
      if (place.host != own.host || place.processes != own.processes || own.processes[0] == '\0') continue;
      if (kill(place.process, 0) == 0 || errno != ESRCH) continue;
      lost_ = true;
      throw RankLost("rank " + std::to_string(other) + " (process " + std::to_string(place.process) + ") has ended");
    }
  }

  int size_ = 1;
  int rank_ = 0;
  bool lost_ = false;
  std::vector<Place> places_;
};

/// "Open MPI v4.1.4, package: ..." and "MPICH Version:\t4.0.2\n...": the first line, up to a comma.
const char* library_text() {
  static std::array<char, MPI_MAX_LIBRARY_VERSION_STRING> text;
  int length = 0;
  MPI_Get_library_version(text.data(), &length);
  text[std::strcspn(text.data(), ",\n")] = '\0';
  std::replace(text.begin(), text.end(), '\t', ' ');
  return text.data();
}

}  // namespace
}  // namespace lm

extern "C" {
lm::Ranks* lm_open_ranks() { return new lm::MpiRanks; }
const char* lm_rank_module_version() { return LM_VERSION; }
const char* lm_rank_module_text() { return lm::library_text(); }
}
