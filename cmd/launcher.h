// Processes that a launcher of parallel jobs (mpirun, srun) has started together, and the ranks that they become.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "train/ranks/ranks.h"

namespace lm::cmd {

/// What the launcher's variables say of this process.
struct Launch {
  int rank = 0;
  std::optional<int> size = {};        // if they say so
  std::vector<std::string> variables;  // that hold ranks
};

/// Returns nothing for a process that no launcher started.
std::optional<Launch> launch();

/// Returns whether another process of the same launch shows what all of them meet.
bool follows_another();

/// Returns whether the launcher passes on what this process prints, by a terminal of its own making.
bool output_is_passed_on();

/// Joins the ranks of the launch, by the module of MPI; returns the only rank without one. Throws Error if there is a launch of
/// several processes, but no module, or one whose MPI does not see them.
std::unique_ptr<Ranks> open_ranks();

/// Returns the MPI that the module was built with, or why there is none: for --version.
std::string mpi_text();

/// Returns the seconds that the launcher gives a process between SIGTERM and SIGKILL, if it is one that says so.
std::optional<double> seconds_to_end();

}  // namespace lm::cmd
