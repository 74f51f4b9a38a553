#include "program.h"

#include <fcntl.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <memory>
#include <new>
#include <optional>
#include <thread>

#include "base/error.h"
#include "base/parallel.h"
#include "base/printable.h"
#include "cleanup.h"
#include "config.h"
#include "help.h"
#include "launcher.h"
#include "options.h"
#include "unknown.h"

namespace lm::cmd {
namespace {

constexpr int kExitDone = 0;
constexpr int kExitError = 1;
constexpr int kExitUsage = 2;
constexpr std::int64_t kMaximumThreads = 1024;
constexpr const char* kCommonGroup = "Common options";

/// A descriptor of 0 to 2 that the caller closed would be given to the next file opened. Opened the wrong way round, any use
/// of it fails with EBADF instead (standard error takes and drops what it is given).
void occupy_standard_descriptors() {
  for (const auto& [descriptor, mode] : {std::pair{0, O_WRONLY}, std::pair{1, O_RDONLY}, std::pair{2, O_RDWR}}) {
    if (fcntl(descriptor, F_GETFD) != -1) continue;
    [[maybe_unused]] const int opened = open("/dev/null", mode);  // the lowest free number: this one
  }
}

/// The message of a line of the log, in which files and models may be named: on one line, and nothing for a terminal to
/// obey.
class PrintableMessage final : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& message, const std::tm&, spdlog::memory_buf_t& line) override {
    const std::string text = printable({message.payload.data(), message.payload.size()});
    line.append(text.data(), text.data() + text.size());
  }
  std::unique_ptr<custom_flag_formatter> clone() const override { return std::make_unique<PrintableMessage>(); }
};

void start_logging(const std::string& name) {
  auto logger = std::make_shared<spdlog::logger>(name, std::make_shared<spdlog::sinks::stderr_sink_mt>());
  auto formatter = std::make_unique<spdlog::pattern_formatter>();
  formatter->add_flag<PrintableMessage>('*').set_pattern("%n: %*");
  logger->set_formatter(std::move(formatter));
  logger->set_level(spdlog::level::warn);
  spdlog::set_default_logger(std::move(logger));
}

void report(const std::string& name, std::string_view message) {
  const std::string line = name + ": " + printable(message) + "\n";
  std::fwrite(line.data(), 1, line.size(), stderr);
}

/// Returns whether this process is one of several that share their work, and another one shows what they have to show.
bool is_follower(const Definition& definition) { return definition.is_shared && follows_another(); }

/// The same of what a program meets before its ranks have joined, which all of them do: the first one reports it. A launcher
/// ends all of them as soon as one has failed, so the others wait until it has.
void report_once(const Definition& definition, std::string_view message) {
  if (is_follower(definition)) return std::this_thread::sleep_for(std::chrono::seconds(1));
  report(definition.name, message);
}

int report_once(const Definition& definition, const Failure& failure) {
  report_once(definition, failure.message);
  return failure.code;
}

/// Prints what all processes that share their work would print.
void print_once(const Definition& definition, std::string_view text) {
  if (!is_follower(definition)) std::cout << text;
}

/// Flushes and closes standard output; false, with a message, if what was written did not arrive.
bool finish_standard_output(const std::string& name) {
  errno = 0;
  std::cout.flush();
  bool written = std::cout.good();
  written = std::fflush(stdout) == 0 && std::ferror(stdout) == 0 && written;
  int error_number = errno;
  // Already closed (by a writer that checked it) is no error.
  if (written && close(STDOUT_FILENO) != 0 && errno != EBADF) {
    error_number = errno;
    written = false;
  }
  if (!written) {
    const std::string reason = error_number != 0 ? std::string(": ") + std::strerror(error_number) : "";
    report(name, "cannot write 'standard output'" + reason);
  }
  return written;
}

/// CLI11's sentences in our form: no capital, no full stop.
std::string parse_message(const CLI::App& app, const std::vector<std::string>& arguments, const CLI::ParseError& error) {
  if (dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr) return unknown_argument(app, arguments);
  std::string message = error.what();
  if (dynamic_cast<const CLI::ArgumentMismatch*>(&error) != nullptr) {
    return message.substr(0, message.find(':')) + " needs a value";
  }
  const bool sentence =
      message.size() > 1 && message[0] >= 'A' && message[0] <= 'Z' && message[1] >= 'a' && message[1] <= 'z';
  if (sentence) message[0] = static_cast<char>(message[0] - 'A' + 'a');
  while (!message.empty() && (message.back() == '.' || message.back() == '\n')) message.pop_back();
  return message;
}

std::vector<std::string> join_literal_values(int argc, char** argv, const Definition& definition) {
  std::vector<std::string> arguments;
  for (int index = 1; index < argc; ++index) {
    arguments.emplace_back(argv[index]);
    for (const auto& [option, value] : definition.literal_values) {
      if (arguments.back() == option && index + 1 < argc && argv[index + 1] == value) {
        arguments.back() += "=" + value;
        ++index;
      }
    }
    if (arguments.back() == "--") {
      arguments.insert(arguments.end(), argv + index + 1, argv + argc);
      break;
    }
  }
  return arguments;
}

/// The parser with the program's own options and the common ones.
class Parser {
 public:
  explicit Parser(const Definition& definition) : definition_(definition), app_(definition.summary, definition.name) {
    common_.program = definition.name;
    app_.formatter(std::make_shared<HelpFormatter>(definition.usage));
    app_.set_help_flag("");
    definition.add_options(app_);
    add_common_options();
  }

  CLI::App& app() { return app_; }

  /// Returns whether there is more to do than --dump-config. Throws CLI::ParseError, UsageError, Error.
  bool parse(std::vector<std::string> arguments) {
    refuse_single_dashes(app_, arguments);
    std::reverse(arguments.begin(), arguments.end());  // CLI11 takes them from the back
    try {
      app_.parse(std::move(arguments));
    } catch (const CLI::RequiredError&) {
      // What is unknown matters more than what is missing, and a configuration may be incomplete.
      if (app_.remaining_size() > 0) throw CLI::ExtrasError(app_.remaining());
      if (!dump_config_) throw;
    }
    if (dump_config_) print_once(definition_, write_config(app_));
    return !dump_config_;
  }

  CommonOptions common() {
    common_.threads = threads_ ? static_cast<int>(*threads_) : available_cores();
    common_.simd = resolve_simd(simd_);
    if (is_follower(definition_)) common_.quiet = true;
    spdlog::set_level(common_.quiet ? spdlog::level::err : common_.verbose ? spdlog::level::debug : spdlog::level::warn);
    return common_;
  }

 private:
  void add_common_options() {
    const auto common = [](CLI::Option* option) { return option->group(kCommonGroup); };
    if (definition_.has_progress) {
      common(add_choice(app_, "--progress", common_.progress, "show progress on standard error; auto: if it is a terminal"));
    }
    common(add_size(app_, "--threads", threads_, "threads to use (default: the cores that the process may use)",
                    SizeUnit::count, {1, kMaximumThreads}));
    common(add_choice(app_, "--simd", simd_, "instructions to use; results are the same bits only within one", "auto"));
    CLI::Option* config = common(app_.set_config("--config", "", "read options from a TOML file, or a named preset"));
    config->type_name("FILE|NAME")->default_str("");
    config->transform(CLI::Validator(
        [this](std::string& value) {
          value = find_config(value);
          common_.config = value;
          toml_->set_source(value);
          return std::string();
        },
        ""));
    app_.config_formatter(toml_);
    app_.allow_config_extras(CLI::config_extras_mode::error);
    common(app_.add_flag("--dump-config", dump_config_, "print the TOML that repeats this run, and do nothing else"))
        ->configurable(false);
    common(app_.add_flag("-q,--quiet", common_.quiet, "print errors only"));
    common(app_.add_flag("-v,--verbose", common_.verbose, "say more on standard error"));
    common(app_.set_help_flag("-h,--help", "print this help"));
    common(app_.set_version_flag(
        "--version",
        [this] {
          return version_text(definition_.name, resolve_simd(simd_), definition_.products) +
                 (definition_.is_shared ? "mpi: " + mpi_text() + "\n" : std::string());
        },
        "print versions and what is used"));
  }

  const Definition& definition_;
  CLI::App app_;
  CommonOptions common_;
  std::optional<std::int64_t> threads_;
  std::optional<SimdTier> simd_;
  bool dump_config_ = false;
  std::shared_ptr<TomlConfig> toml_ = std::make_shared<TomlConfig>(app_);
};

int parse_and_run(int argc, char** argv, const Definition& definition) {
  Parser parser(definition);
  const std::vector<std::string> arguments = join_literal_values(argc, argv, definition);
  try {
    if (!parser.parse(arguments)) return kExitDone;
  } catch (const CLI::CallForHelp&) {
    print_once(definition, parser.app().help());
    return kExitDone;
  } catch (const CLI::CallForVersion& version) {
    print_once(definition, version.what());
    return kExitDone;
  } catch (const CLI::ParseError& error) {
    return report_once(definition, usage_failure(parse_message(parser.app(), arguments, error)));
  }
  return definition.body(parser.common());
}

int run_guarded(int argc, char** argv, const Definition& definition) {
  try {
    return parse_and_run(argc, argv, definition);
  } catch (...) {
    return report_once(definition, current_failure());
  }
}

}  // namespace

Failure usage_failure(const std::string& message) {
  return {message + (message.ends_with('?') ? " see --help" : "; see --help"), kExitUsage};
}

/// The one place where exceptions become a line and an exit code.
Failure current_failure() {
  try {
    throw;
  } catch (const UsageError& error) {
    return usage_failure(error.what());
  } catch (const std::bad_alloc&) {
    return {"out of memory", kExitError};
  } catch (const InternalError& error) {
    return {std::string("internal error: ") + error.what(), kExitError};
  } catch (const std::exception& error) {
    return {error.what(), kExitError};
  }
}

int run_program(int argc, char** argv, const Definition& definition) {
  occupy_standard_descriptors();
  std::signal(SIGPIPE, SIG_DFL);
  std::signal(SIGXFSZ, SIG_IGN);  // beyond `ulimit -f` a write then fails, with a message
  remove_temporaries_on_signals();
  start_logging(definition.name);
  const int code = run_guarded(argc, argv, definition);
  if (code != kExitDone) {
    std::fflush(stdout);
    return code;
  }
  return finish_standard_output(definition.name) ? kExitDone : kExitError;
}

std::string spool_folder() {
  const char* folder = std::getenv("TMPDIR");
  return folder != nullptr && *folder != '\0' ? folder : "/tmp";
}

bool is_terminal(int descriptor) {
  return isatty(descriptor) == 1 && !(descriptor == STDOUT_FILENO && output_is_passed_on());
}

}  // namespace lm::cmd
