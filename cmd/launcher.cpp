#include "launcher.h"

#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <vector>

#include "base/error.h"
#include "base/path.h"
#include "train/ranks/delayed_ranks.h"
#include "train/ranks/rank_module.h"

namespace lm::cmd {
namespace {

constexpr const char* kModule = "lm-tools/lm_mpi.so";
// Open MPI's, if nothing else is said.
constexpr double kSecondsToEnd = 1;

/// Open MPI's own mpirun; MPICH's and Slurm's PMI; PMIx, which leaves the number of processes to its library, under Slurm.
struct Variables {
  const char* rank;
  const char* size;
};
constexpr std::array<Variables, 3> kLaunchers = {
    {{"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"}, {"PMI_RANK", "PMI_SIZE"}, {"PMIX_RANK", "SLURM_STEP_NUM_TASKS"}}};

std::optional<int> number(const char* variable) {
  const char* const text = std::getenv(variable);
  if (text == nullptr) return std::nullopt;
  char* end = nullptr;
  const long value = std::strtol(text, &end, 10);
  if (end == text || *end != '\0' || value < 0 || value > 1'000'000) return std::nullopt;
  return static_cast<int>(value);
}

/// Returns where the module is: beside the program's folder, as it is built and as it is installed.
std::string module_path() {
  std::error_code error;
  const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) return std::string("../lib/") + kModule;
  return (program.parent_path().parent_path() / "lib" / kModule).string();
}

/// LM_MESSAGE_DELAY=SECONDS[,BYTES_PER_SECOND] makes messages take longer, as over a slower network.
std::optional<MessageDelay> message_delay() {
  const char* const text = std::getenv("LM_MESSAGE_DELAY");
  if (text == nullptr || *text == '\0') return std::nullopt;
  MessageDelay delay;
  char* end = nullptr;
  delay.latency = std::strtod(text, &end);
  if (*end == ',') delay.bandwidth = std::strtod(end + 1, &end);
  if (*end != '\0' || !(delay.latency >= 0 && delay.latency <= 60) || !(delay.bandwidth >= 0))
    throw Error(std::string("cannot use LM_MESSAGE_DELAY '") + text + "': expected seconds, or seconds,bytes-a-second");
  return delay;
}

}  // namespace

std::optional<Launch> launch() {
  for (const Variables& variables : kLaunchers) {
    const std::optional<int> rank = number(variables.rank);
    if (rank) return Launch{.rank = *rank, .size = number(variables.size)};
  }
  return std::nullopt;
}

bool follows_another() {
  const std::optional<Launch> launched = launch();
  return launched && launched->rank > 0;
}

std::unique_ptr<Ranks> open_ranks() {
  const std::optional<Launch> launched = launch();
  if (!launched || launched->size == 1) return std::make_unique<OneRank>();
  const std::string path = module_path();
  if (!exists(path)) {
    throw Error("cannot share a run among the " + (launched->size ? std::to_string(*launched->size) + " " : std::string()) +
                "processes of this launch: there is no '" + path +
                "'; build lm-train where MPI is installed (make deps-mpi), or start one process");
  }
  const std::optional<MessageDelay> delay = message_delay();
  std::unique_ptr<Ranks> ranks = RankModule(path, LM_VERSION).open();
  if (delay) return std::make_unique<DelayedRanks>(std::move(ranks), *delay);
  return ranks;
}

std::string mpi_text() {
  const std::string path = module_path();
  if (!exists(path)) return "none (no '" + path + "')";
  try {
    return RankModule(path, LM_VERSION).text();
  } catch (const Error& error) {
    return std::string("none (") + error.what() + ")";
  }
}

std::optional<double> seconds_to_end() {
  if (!number("OMPI_COMM_WORLD_SIZE")) return std::nullopt;
  const std::optional<int> seconds = number("OMPI_MCA_odls_base_sigkill_timeout");
  return seconds ? *seconds : kSecondsToEnd;
}

}  // namespace lm::cmd
