// What every program shares: common options, exit codes, messages on one line, and a checked last flush of standard output.
#pragma once

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/choice.h"
#include "facts.h"
#include "kernels/compute.h"

namespace lm::cmd {

/// Wrong usage that only the body can see: "<program>: <message>; see --help" and exit code 2.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

enum class ProgressMode { automatic, always, never };

/// The options that all programs have, as given.
struct CommonOptions {
  std::string program;                 // its name, as in messages
  int threads = 1;                     // --threads, by default the cores that the process may use
  SimdTier simd = SimdTier::portable;  // --simd; `auto` is already resolved to this machine's best
  std::string config;                  // the file that --config led to; empty without it
  ProgressMode progress = ProgressMode::automatic;
  bool quiet = false;    // -q: errors only
  bool verbose = false;  // -v
};

/// A program: what it is called, which options it has and what it does. `add_options` binds options to variables that
/// outlive the call; `body` runs after parsing and returns the exit code.
///
///     int main(int argc, char** argv) {
///       Options options;
///       return lm::cmd::run_program(argc, argv, {
///         .name = "tok-train",
///         .summary = "learn a byte-level BPE tokenizer from text",
///         .usage = "[-o OUT] [--vocab-size N] [FILE...]",
///         .add_options = [&](CLI::App& app) { ... },
///         .body = [&](const lm::cmd::CommonOptions& common) { ...; return 0; },
///       });
///     }
struct Definition {
  std::string name;
  std::string summary;                 // one line, lower case, no full stop
  std::string usage;                   // what follows the name in the usage line
  bool has_progress = false;           // adds --progress
  Products products = Products::none;  // of matrices: --version then names the BLAS
  bool is_shared = false;              // by the ranks of a launch: one reports for all, and --version names the MPI
  /// Flags whose only value, a literal word, may also be an argument of its own: {"--resume", "auto"} reads `--resume auto`
  /// as `--resume=auto`.
  std::vector<std::pair<std::string, std::string>> literal_values = {};
  std::function<void(CLI::App&)> add_options;
  std::function<int(const CommonOptions&)> body;
};

/// What a program reports of an exception, and its exit code.
struct Failure {
  std::string message;
  int code;
};
/// Return that of wrong usage, and that of the exception in flight, to be called where it was caught; others than
/// std::exception pass.
Failure usage_failure(const std::string& message);
Failure current_failure();

/// Parses, runs the body, turns exceptions into one line on standard error and an exit code (0 done, 1 error, 2 usage), and
/// flushes and closes standard output, whose failure is an error too. Descriptors 0 to 2 that were closed fail with a
/// sentence when used, instead of becoming some file opened later. SIGPIPE has its default action.
int run_program(int argc, char** argv, const Definition& definition);

/// Returns the folder for files without a name: $TMPDIR, else /tmp.
std::string spool_folder();

/// Returns whether the descriptor is a terminal, and not one by which a launcher gets what it writes into a file.
bool is_terminal(int descriptor);

}  // namespace lm::cmd

template <>
inline constexpr auto lm::kChoices<lm::cmd::ProgressMode> =
    lm::choice_table<lm::cmd::ProgressMode>("time for progress", {{"auto", lm::cmd::ProgressMode::automatic},
                                                                  {"always", lm::cmd::ProgressMode::always},
                                                                  {"never", lm::cmd::ProgressMode::never}});
