#include "shared_run.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <thread>

#include <spdlog/spdlog.h>

#include "base/error.h"
#include "program.h"

namespace lm::cmd {
namespace {

// Within it rank 0 has met the same and has ended this rank, if it is going to.
constexpr std::chrono::milliseconds kTimeForFirst{2000};
// Likewise of lower ranks than this one, of which that many differ in time.
constexpr std::chrono::milliseconds kTimeForLower{100};
constexpr int kMostLower = 50;

void end_all(Ranks& ranks, const Failure& failure) {
  if (ranks.rank() > 0) std::this_thread::sleep_for(kTimeForFirst + std::min(ranks.rank() - 1, kMostLower) * kTimeForLower);
  spdlog::error("{}{}", ranks.rank() > 0 ? "rank " + std::to_string(ranks.rank()) + ": " : "", failure.message);
  ranks.end_all(failure.code);
}

}  // namespace

int run_shared(Ranks& ranks, const std::function<int()>& body) {
  if (ranks.size() == 1) return body();
  try {
    return body();
  } catch (const RankLost& lost) {
    // The launcher reports it, and ends the others already; asked to, it would begin anew.
    spdlog::debug("{}", lost.what());
  } catch (const SettingsError& error) {
    end_all(ranks, usage_failure(error.what()));
  } catch (...) {
    end_all(ranks, current_failure());
  }
  return 1;
}

}  // namespace lm::cmd
