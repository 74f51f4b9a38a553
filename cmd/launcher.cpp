#include "launcher.h"

#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <system_error>
#include <utility>

#include "base/error.h"
#include "base/path.h"
#include "train/ranks/delayed_ranks.h"
#include "train/ranks/rank_module.h"

namespace lm::cmd {
namespace {

constexpr const char* kModule = "lm-tools/lm_mpi.so";
// Of Open MPI: how long it waits between SIGTERM and SIGKILL, and how long if nothing is said.
constexpr std::string_view kSecondsParameter = "odls_base_sigkill_timeout";
constexpr double kSecondsToEnd = 1;

/// Open MPI's own mpirun; MPICH's and Slurm's PMI; PMIx, which leaves the number of processes to its library, under Slurm; srun
/// without any of them. A batch script has a rank as well, but is no step of so many tasks.
struct Variables {
  const char* rank;
  const char* size;
  bool needs_size = false;
};
constexpr std::array<Variables, 4> kLaunchers = {{{"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"},
                                                  {"PMI_RANK", "PMI_SIZE"},
                                                  {"PMIX_RANK", "SLURM_STEP_NUM_TASKS"},
                                                  {"SLURM_PROCID", "SLURM_STEP_NUM_TASKS", true}}};

std::optional<int> whole_number(const char* text) {
  char* end = nullptr;
  const long value = std::strtol(text, &end, 10);
  if (end == text || *end != '\0' || value < 0 || value > 1'000'000) return std::nullopt;
  return static_cast<int>(value);
}

std::optional<int> number(const char* variable) {
  const char* const text = std::getenv(variable);
  return text == nullptr ? std::nullopt : whole_number(text);
}

/// Returns kSecondsParameter as a file of parameters gives it, "NAME = VALUE" a line; mpirun tells its ranks only of others.
std::optional<int> parameter_in(const std::string& path) {
  std::ifstream file(path);
  std::optional<int> value;
  for (std::string line; std::getline(file, line);) {
    std::erase_if(line, [](char c) { return c == ' ' || c == '\t' || c == '\r'; });
    if (!line.starts_with(kSecondsParameter) || line[kSecondsParameter.size()] != '=') continue;
    value = whole_number(line.substr(kSecondsParameter.size() + 1).c_str());
  }
  return value;
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

/// Returns what those do whose processes are each to make a run of its own, as the tasks of one srun may.
std::string or_alone(const Launch& launched) {
  std::string unset;
  for (const std::string& variable : launched.variables) unset += "-u " + variable + " ";
  return "; for a run of each process, start 'env " + unset + "lm-train ...'";
}

/// Throws Error if MPI does not know of the processes that the launcher started: each would make the whole run.
void check_size(const Launch& launched, const Ranks& ranks, const std::string& mpi) {
  if (launched.size ? *launched.size == ranks.size() : launched.rank < ranks.size()) return;
  throw Error("cannot share a run: the launcher started " + (launched.size ? std::to_string(*launched.size) : "several") +
              " processes, but the MPI of lm-train, " + mpi + ", finds " + std::to_string(ranks.size()) +
              ", since the launcher is not its own; start them by the mpirun of that MPI, by srun with --mpi=pmix or "
              "--mpi=pmi2, or build lm-train with the launcher's MPI" +
              or_alone(launched));
}

std::optional<Launch> read_launch() {
  std::optional<Launch> launched;
  std::vector<std::string> all;
  for (const Variables& variables : kLaunchers) {
    const std::optional<int> rank = number(variables.rank), size = number(variables.size);
    if (rank) all.emplace_back(variables.rank);
    if (!launched && rank && (size || !variables.needs_size))
      launched = Launch{.rank = *rank, .size = size, .variables = {}};
  }
  if (launched) launched->variables = std::move(all);
  return launched;
}

}  // namespace

// Read once: MPI sets variables of its own when it starts.
std::optional<Launch> launch() {
  static const std::optional<Launch> launched = read_launch();
  return launched;
}

bool follows_another() {
  const std::optional<Launch> launched = launch();
  return launched && launched->rank > 0;
}

// Open MPI's does. srun makes a terminal only if it is asked for one (--pty).
bool output_is_passed_on() { return number("OMPI_COMM_WORLD_RANK").has_value(); }

std::unique_ptr<Ranks> open_ranks() {
  const std::optional<Launch> launched = launch();
  if (!launched || launched->size == 1) return std::make_unique<OneRank>();
  const std::string path = module_path();
  if (!exists(path)) {
    throw Error("cannot share a run among the " + (launched->size ? std::to_string(*launched->size) + " " : std::string()) +
                "processes of this launch: there is no '" + path +
                "'; build lm-train where MPI is installed (make deps-mpi), or start one process" + or_alone(*launched));
  }
  const std::optional<MessageDelay> delay = message_delay();
  const RankModule module(path, LM_VERSION);
  std::unique_ptr<Ranks> ranks = module.open();
  check_size(*launched, *ranks, module.text());
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
  std::optional<int> seconds = number(("OMPI_MCA_" + std::string(kSecondsParameter)).c_str());
  const char* const home = std::getenv("HOME");
  if (!seconds && home != nullptr) seconds = parameter_in(std::string(home) + "/.openmpi/mca-params.conf");
  if (!seconds) seconds = parameter_in("/etc/openmpi/openmpi-mca-params.conf");
  return seconds ? *seconds : kSecondsToEnd;
}

}  // namespace lm::cmd
