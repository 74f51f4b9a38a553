// lm-train: trains a language model from token streams.
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include <spdlog/spdlog.h>

#include "base/error.h"
#include "options.h"
#include "program.h"
#include "tasks/train_session.h"
#include "train_observer.h"

namespace {

using namespace lm;
using namespace lm::cmd;

struct Options {
  TrainRequest request;
  std::optional<Seconds> time;
  std::string metrics;
  std::string checkpoint;
  Seconds checkpoint_every{600};
  std::string resume = "no";
  std::optional<std::int64_t> show_examples;
  bool dry_run = false;
  bool json = false;
  CLI::App* app = nullptr;
};

// One overload for each type of setting.
CLI::Option* add_setting(CLI::App& app, const std::string& name, std::string& value, const char* help) {
  return add_text(app, name, value, help, "NAME");
}
CLI::Option* add_setting(CLI::App& app, const std::string& name, std::optional<std::string>& value, const char* help) {
  return add_parsed(app, name, "NAME", "", help, "a name", [&value](const std::string& text) {
    value = text;
    return true;
  });
}
CLI::Option* add_setting(CLI::App& app, const std::string& name, std::int64_t& value, const char* help) {
  return add_size(app, name, value, help, SizeUnit::count, {.minimum = name == "--batch" ? 1 : 0});
}
CLI::Option* add_setting(CLI::App& app, const std::string& name, std::optional<std::int64_t>& value, const char* help) {
  if (name != "--micro-batch")
    return add_size(app, name, value, help, SizeUnit::count, {.minimum = name == "--warmup" ? 0 : 1});
  return add_parsed(app, name, "N|auto", "auto", help, "a number such as 8, or auto", [&value](const std::string& text) {
    value = parse_size(text, SizeUnit::count);
    return text == "auto" || (value && *value > 0);
  });
}
CLI::Option* add_setting(CLI::App& app, const std::string& name, double& value, const char* help) {
  return add_real(app, name, value, help);
}
CLI::Option* add_setting(CLI::App& app, const std::string& name, std::optional<double>& value, const char* help) {
  return add_real(app, name, value, help);
}
CLI::Option* add_setting(CLI::App& app, const std::string& name, bool& value, const char* help) {
  return app.add_flag(name, value, help);
}
CLI::Option* add_setting(CLI::App& app, const std::string& name, std::optional<bool>& value, const char* help) {
  CLI::Option* untied = app.add_flag_callback(
      "--untied", [&value] { value = false; }, "a matrix of its own for the output head");
  CLI::Option* tied = app.add_flag_callback(
      name, [&value] { value = true; }, help);
  untied->group("Model")->excludes(tied);
  return tied;
}

void add_budget(CLI::App& app, Options& o) {
  add_size(app, "--steps", o.request.budget.steps, "end after this many steps, resumed ones included")->group("Budget");
  add_size(app, "--tokens", o.request.budget.tokens, "end after this many tokens")->group("Budget");
  add_size(app, "--epochs", o.request.budget.epochs, "end after this many passes over the data")->group("Budget");
  add_duration(app, "--time", o.time, "end after this long, such as 30s, 10m or 2h; the first budget reached ends the run")
      ->group("Budget");
}

void add_options(CLI::App& app, Options& o) {
  o.app = &app;
  add_text(app, "-t,--tokenizer", o.request.tokenizer, "tokenizer.json, or a model that holds one", "TOKENIZER");
  add_text(app, "-o,--output", o.request.output,
           "model file to write, DIR/ for a folder that Hugging Face loads, - for standard output", "MODEL");
  add_text(app, "--valid", o.request.valid, "held-out token file", "FILE")->group("Watching");
  visit_settings(o.request.settings, [&](const std::string& name, auto& field, const char* group, const char* help) {
    add_setting(app, "--" + name, field, help)->group(group);
  });
  add_text(app, "--init-from", o.request.init_from, "model to go on training (fine-tuning)", "MODEL")->group("Model");
  add_size(app, "--memory", o.request.memory, "what a step may take, for --micro-batch auto", SizeUnit::bytes)
      ->group("Optimizer");
  add_budget(app, o);
  add_size(app, "--valid-every", o.request.valid_every,
           "steps between validations; 0: at the end alone (default: about a twentieth of the time)", SizeUnit::count,
           {.minimum = 0})
      ->group("Watching");
  add_text(app, "--metrics", o.metrics, "append a JSON object a step to this file", "FILE")->group("Watching");
  add_text(app, "--checkpoint", o.checkpoint, "where the training state is kept (default: MODEL.state)", "FILE")
      ->group("Safety");
  add_duration(app, "--checkpoint-every", o.checkpoint_every, "how often the state is saved; 0s: after every step")
      ->group("Safety");
  app.add_option("--resume", o.resume, "go on from the state; with the word auto: start fresh where there is none")
      ->expected(0, 1)
      ->type_name("[auto]")
      ->default_str("")
      ->group("Safety");
  app.add_flag("--dry-run", o.dry_run, "print size, memory and cost, and stop")->group("Looking");
  app.add_flag("--json", o.json, "--dry-run's report as JSON")->group("Looking");
  add_size(app, "--show-examples", o.show_examples, "print the first N training examples, and stop")->group("Looking");
  add_files(app, "TOKENS", o.request.tokens, "token files, or - for a stream on standard input");
}

bool given(const Options& o, const std::string& name) {
  const CLI::Option* option = o.app->get_option_no_throw("--" + name);
  return option != nullptr && option->count() > 0;
}

/// "MODEL.state", "DIR.state"; none for what is no regular file.
std::string default_state(std::string output) {
  struct stat status {};
  const bool exists = stat(output.c_str(), &status) == 0;
  if (output.empty() || output == "-" || (exists && !S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode))) return "";
  while (output.size() > 1 && output.ends_with('/')) output.pop_back();
  return output + ".state";
}

void check_usage(Options& o) {
  const bool looks = o.dry_run || o.show_examples;
  TrainRequest& r = o.request;
  if (r.tokens.empty()) throw UsageError("no tokens; name token files, or - for standard input");
  if (r.tokenizer.empty() && r.init_from.empty()) throw UsageError("no tokenizer; give -t");
  if (!looks && r.output.empty()) throw UsageError("no output; give -o MODEL");
  if (!looks && r.output == "-" && is_terminal(STDOUT_FILENO))
    throw UsageError("a model is not written to a terminal; give -o FILE");
  if (!looks && r.budget.empty()) throw UsageError("no budget; give --steps, --tokens, --epochs or --time");
  if (given(o, "resume") && !o.resume.empty() && o.resume != "auto")
    throw UsageError("--resume takes no value but auto, got '" + o.resume + "'");
  if (r.settings.one_pass && r.settings.valid_fraction > 0)
    throw UsageError("--one-pass cannot hold out a part; give --valid FILE");
  if (r.settings.one_pass && r.budget.epochs) throw UsageError("--one-pass makes one pass; leave --epochs out");
  if (r.settings.one_pass && !looks && r.settings.schedule != "constant" && !r.budget.steps && !r.budget.tokens) {
    throw UsageError("--one-pass with a schedule that decays needs --steps or --tokens");
  }
  if (std::count(r.tokens.begin(), r.tokens.end(), "-") > 1) throw UsageError("standard input is named twice");
  try {
    check_settings(r.settings);
  } catch (const Error& error) {
    throw UsageError(error.what());
  }
}

/// Before hours of work: the result must have somewhere to go.
void check_output_folder(const std::string& output) {
  if (output.empty() || output == "-") return;
  std::string path = output;
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  const std::size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  if (access(folder.c_str(), W_OK | X_OK) != 0) throw_system_error("write into folder", folder, errno);
}

void complete_request(Options& o, const CommonOptions& common) {
  TrainRequest& r = o.request;
  visit_settings(r.settings, [&](const std::string& name, const auto&, const char*, const char*) {
    if (given(o, name) || (name == "tied" && given(o, "untied"))) r.named.insert(name);
  });
  if (given(o, "resume")) r.resume = o.resume == "auto" ? Resume::automatic : Resume::yes;
  if (given(o, "simd") && o.app->get_option("--simd")->as<std::string>() != "auto") r.simd = common.simd;
  if (o.time) r.budget.seconds = o.time->count();
  r.state = o.checkpoint.empty() ? default_state(r.output) : o.checkpoint;
  r.threads = common.threads;
  const char* folder = std::getenv("TMPDIR");
  r.spool_folder = folder != nullptr && *folder != '\0' ? folder : "/tmp";
}

JsonValue optional_json(const std::optional<std::int64_t>& value) { return value ? JsonValue(*value) : JsonValue(); }

void print_dry_run(const TrainSession& session, bool json) {
  const TrainFacts f = session.facts();
  JsonValue report;
  report.set("parameters", f.parameters).set("memory_bytes", f.memory.total());
  report.set("memory_weights", f.memory.weights)
      .set("memory_gradients", f.memory.gradients)
      .set("memory_moments", f.memory.moments);
  report.set("memory_averages", f.memory.averages).set("memory_activations", f.memory.activations);
  report.set("flops_per_step", f.flops_per_step).set("tokens_per_step", f.step_positions);
  report.set("tokens_per_epoch", optional_json(f.tokens_per_epoch))
      .set("windows_per_epoch", optional_json(f.windows_per_epoch));
  report.set("steps", optional_json(f.total_steps)).set("settings", settings_to_json(session.settings()));
  if (json) {
    std::puts(report.dump().c_str());
    return;
  }
  for (const auto& [name, value] : *report.if_object()) {
    if (value.if_object() == nullptr) std::printf("%-20s %s\n", name.c_str(), value.dump().c_str());
  }
  for (const auto& [name, value] : *report.find("settings")->if_object())
    std::printf("--%-18s %s\n", name.c_str(), value.dump().c_str());
}

int train(Options& o, const CommonOptions& common, TrainSession& session) {
  session.prepare();
  TrainReporter reporter(
      common, session,
      {.metrics = o.metrics, .checkpoint_every = o.checkpoint_every.count(), .seconds = o.request.budget.seconds});
  const StopReason reason = session.run(reporter);
  reporter.finish();
  if (session.has_state()) session.save_state();
  if (reason == StopReason::interrupted) {
    if (session.has_state()) {
      spdlog::warn("stopped by a signal after step {}; --resume goes on", session.state().step);
    } else {
      spdlog::warn("stopped by a signal after step {}; nothing was kept, since there is no state file (--checkpoint)",
                   session.state().step);
    }
    return 128 + reporter.stop_signal();
  }
  if (session.state().skipped_steps > 0)
    spdlog::warn("{} steps were skipped: their loss or gradient was not finite", session.state().skipped_steps);
  const SourceCounts& counts = session.state().counts;
  if (counts.untransformed > 0)
    spdlog::warn("{} stretches held the objective's own tokens and were left as they are", counts.untransformed);
  if (counts.token_cuts > 0) spdlog::info("{} pieces were cut between tokens for want of room", counts.token_cuts);
  session.save_model();
  return 0;
}

int run(Options& o, const CommonOptions& common) {
  complete_request(o, common);
  check_usage(o);
  check_output_folder(o.request.output);
  TrainSession session(o.request);
  for (const std::string& note : session.notes()) spdlog::warn("{}", note);
  if (o.dry_run) print_dry_run(session, o.json);
  if (o.show_examples) {
    for (const std::string& line : session.show_examples(*o.show_examples)) std::puts(line.c_str());
  }
  return o.dry_run || o.show_examples ? 0 : train(o, common, session);
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  return run_program(argc, argv,
                     {.name = "lm-train",
                      .summary = "train a language model from token streams",
                      .usage = "-t TOKENIZER -o MODEL [OPTION]... TOKENS...",
                      .has_progress = true,
                      .literal_values = {{"--resume", "auto"}},
                      .add_options = [&](CLI::App& app) { add_options(app, options); },
                      .body = [&](const CommonOptions& common) { return run(options, common); }});
}
