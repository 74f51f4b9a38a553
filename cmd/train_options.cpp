#include "train_options.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

#include "base/error.h"
#include "base/path.h"
#include "named_files.h"
#include "output_names.h"
#include "tokenizer_options.h"

namespace lm::cmd {

namespace {

Range range_of(const SettingInfo& info) {
  return {.minimum = static_cast<std::int64_t>(info.low), .maximum = static_cast<std::int64_t>(info.high)};
}
RealRange real_range_of(const SettingInfo& info) { return {.minimum = info.low, .maximum = info.high}; }
std::string option_of(const SettingInfo& info) { return std::string("--") + info.name; }

// One overload for each type of setting.
template <HasChoices E>
CLI::Option* add_setting(CLI::App& app, const SettingInfo& info, E& value) {
  return add_choice(app, option_of(info), value, info.help);
}
CLI::Option* add_setting(CLI::App& app, const SettingInfo& info, Family& value) {
  return add_choice(app, option_of(info), value, info.help, {Family::qwen3, Family::llama, Family::gpt2});
}
CLI::Option* add_setting(CLI::App& app, const SettingInfo& info, std::optional<Attend>& value) {
  return add_choice(app, option_of(info), value, info.help);
}
CLI::Option* add_setting(CLI::App& app, const SettingInfo& info, std::optional<Precision>& value) {
  return add_choice(app, option_of(info), value, info.help, "mixed");
}
CLI::Option* add_setting(CLI::App& app, const SettingInfo& info, Mixture& value) {
  std::string names;
  for (const ObjectiveEntry& entry : objective_table()) names += (names.empty() ? "" : "|") + std::string(entry.name);
  return add_parsed(app, option_of(info), names, value.text(), info.help, "an objective", [&value](const std::string& text) {
    value = parse_mixture(text);
    return true;
  });
}
CLI::Option* add_setting(CLI::App& app, const SettingInfo& info, Betas& value) {
  return add_parsed(app, option_of(info), "B1,B2", to_string(value), info.help, "two numbers in [0, 1) such as 0.9,0.95",
                    [&value](const std::string& text) {
                      const std::optional<Betas> betas = parse_betas(text);
                      if (betas) value = *betas;
                      return betas.has_value();
                    });
}
CLI::Option* add_setting(CLI::App& app, const SettingInfo& info, std::int64_t& value) {
  return add_size(app, option_of(info), value, info.help, SizeUnit::count, range_of(info));
}
CLI::Option* add_setting(CLI::App& app, const SettingInfo& info, std::optional<std::int64_t>& value) {
  const Range range = range_of(info);
  if (info.setting != Setting::micro_batch) {
    return add_size(app, option_of(info), value, info.help, SizeUnit::count, range);
  }
  return add_parsed(app, option_of(info), "N|auto", "auto", info.help, "", [&value, range](const std::string& text) {
    value = read_size_or("auto", text, SizeUnit::count, range);
    return true;
  });
}
CLI::Option* add_setting(CLI::App& app, const SettingInfo& info, double& value) {
  return add_real(app, option_of(info), value, info.help, real_range_of(info));
}
CLI::Option* add_setting(CLI::App& app, const SettingInfo& info, std::optional<double>& value) {
  return add_real(app, option_of(info), value, info.help, real_range_of(info));
}
CLI::Option* add_setting(CLI::App& app, const SettingInfo& info, bool& value) {
  return app.add_flag(option_of(info), value, info.help);
}
CLI::Option* add_setting(CLI::App& app, const SettingInfo& info, std::optional<bool>& value) {
  CLI::Option* untied = app.add_flag_callback(
      "--untied", [&value] { value = false; }, "use a matrix of its own for the output head (the default)");
  CLI::Option* tied = app.add_flag_callback(
      option_of(info), [&value] { value = true; }, info.help);
  untied->group(info.group)->excludes(tied);
  return tied;
}

void add_budget(CLI::App& app, TrainOptions& o) {
  TrainBudget& budget = o.request.budget;
  add_size(app, "--steps", budget.steps, "end after this many steps, including those before a resume", SizeUnit::count,
           {.minimum = 1, .maximum = kMostSteps})
      ->group("Budget");
  add_size(app, "--tokens", budget.tokens, "end after this many tokens")->group("Budget");
  add_size(app, "--epochs", budget.epochs, "end after this many passes over the data", SizeUnit::count,
           {.minimum = 1, .maximum = 1'000'000})
      ->group("Budget");
  add_duration(app, "--time", o.time, "end after this long, such as 30s, 10m or 2h; the first budget reached ends the run")
      ->group("Budget");
}

void add_memory(CLI::App& app, TrainOptions& o) {
  add_size(app, "--memory", o.request.memory, "memory that a step may take, for --micro-batch auto", SizeUnit::bytes)
      ->group("Optimizer");
  add_choice(app, "--recompute", o.request.keep_activations,
             "what the backward pass computes again instead of keeping: none, or each layer from its input")
      ->group("Optimizer");
}

void add_validation(CLI::App& app, TrainOptions& o) {
  add_text(app, "--valid", o.request.valid, "held-out token file", "FILE")->group("Validation");
  add_size(app, "--valid-every", o.request.valid_every,
           "steps between validations; 0: only at the end (default: about a twentieth of the time)", SizeUnit::count,
           {.minimum = 0, .maximum = kMostSteps})
      ->group("Validation");
  add_text(app, "--metrics", o.metrics, "append a JSON object a step to this file", "FILE")->group("Validation");
}

void add_checkpoints(CLI::App& app, TrainOptions& o) {
  add_text(app, "--checkpoint", o.checkpoint, "where the training state is kept (default: MODEL.state)", "FILE")
      ->group("Checkpoints");
  add_duration(app, "--checkpoint-every", o.checkpoint_every, "how often the state is saved; 0s: after every step")
      ->group("Checkpoints");
  CLI::Option* resume =
      app.add_flag("--resume", o.resume, "continue from the state; with the word auto: start fresh if there is none");
  resume->group("Checkpoints");
  app.add_flag("--overwrite", o.overwrite, "start fresh in place of an interrupted run, whose state is replaced")
      ->group("Checkpoints")
      ->excludes(resume);
}

void add_inspection(CLI::App& app, TrainOptions& o) {
  app.add_flag("--dry-run", o.dry_run, "print size, memory and cost, and stop")->group("Inspection");
  add_size(app, "--ranks", o.ranks, "with --dry-run: forecast a run that so many processes share, a power of two",
           SizeUnit::count, {.minimum = 1, .maximum = 1 << 20})
      ->group("Inspection");
  app.add_flag("--json", o.json, "print --dry-run's report as JSON")->group("Inspection");
  add_size(app, "--show-examples", o.show_examples, "print the first N training examples, and stop")->group("Inspection");
}

}  // namespace

// Groups are shown in the order in which their first options are declared here.
void add_train_options(CLI::App& app, TrainOptions& o) {
  o.app = &app;
  add_text(app, "-t,--tokenizer", o.request.tokenizer, "tokenizer.json, or a model that holds one", "TOKENIZER");
  add_tokenizer_options(app, o.request.tokenizer_options);
  add_text(app, "-o,--output", o.request.output,
           "model file to write, DIR/ for a folder that Hugging Face loads, - for standard output", "MODEL");
  add_budget(app, o);
  add_text(app, "--init-from", o.request.init_from, "model to train further (fine-tuning)", "MODEL")->group("Model");
  visit_settings(o.request.settings,
                 [&](const SettingInfo& info, auto& field) { add_setting(app, info, field)->group(info.group); });
  add_memory(app, o);
  add_validation(app, o);
  add_checkpoints(app, o);
  add_inspection(app, o);
  add_files(app, "TOKENS", o.request.tokens, "token files, or - for a stream on standard input");
}

namespace {

bool given(const TrainOptions& o, const std::string& name) {
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

void check_files(const TrainOptions& o, const CommonOptions& common) {
  const TrainRequest& r = o.request;
  NamedFiles files(common);
  // Fine-tuning a model in place reads it, and its tokenizer, before it is replaced.
  files.reads("--init-from", r.init_from, "-o");
  files.reads("-t", r.tokenizer, same_or_inside(r.tokenizer, r.init_from) ? "-o" : "");
  files.reads("--valid", r.valid);
  files.reads("TOKENS", r.tokens);
  files.writes_model("-o", r.output);
  files.writes("--metrics", o.metrics);
  files.writes("--checkpoint", r.state);
  files.check();
}

/// A folder is exchanged for the new one: whoever works in it would be left in the old one, which is removed.
void refuse_current_folder(const std::string& output) {
  struct stat here {};
  struct stat there {};
  if (stat(".", &here) != 0 || stat(output.c_str(), &there) != 0 || !same_file(here, there)) return;
  throw UsageError("-o '" + output +
                   "' is the current folder, which the model would replace; change to another folder first");
}

}  // namespace

void check_train_usage(TrainOptions& o, const CommonOptions& common) {
  const bool looks = o.dry_run || o.show_examples;
  TrainRequest& r = o.request;
  if (r.tokens.empty()) throw UsageError("no tokens; name token files, or - for standard input");
  if (r.tokenizer.empty() && r.init_from.empty()) throw UsageError("no tokenizer; give -t");
  if (!looks && r.output.empty()) throw UsageError("no output; give -o MODEL");
  if (!looks && r.output == "-" && is_terminal(STDOUT_FILENO))
    throw UsageError("a model is not written to a terminal; give -o FILE");
  if (!looks && r.budget.empty()) throw UsageError("no budget; give --steps, --tokens, --epochs or --time");
  if (given(o, "resume") && o.resume != "true" && o.resume != "auto")
    throw UsageError("--resume takes no value but auto, got '" + o.resume + "'");
  if (r.settings.one_pass && r.settings.valid_fraction > 0)
    throw UsageError("--one-pass cannot hold out a part; give --valid FILE");
  if (o.json && !o.dry_run) throw UsageError("--json is a form of --dry-run's report");
  if (o.ranks && !o.dry_run)
    throw UsageError("--ranks is for --dry-run; a launcher starts the ranks of a run: mpirun -n " +
                     std::to_string(*o.ranks) + " lm-train ...");
  if (o.ranks && *o.ranks != r.ranks)
    throw UsageError("--ranks " + std::to_string(*o.ranks) + " is not what the launcher started, " +
                     std::to_string(r.ranks) + " ranks; leave it out, or start one process for a forecast");
  if (o.time && o.time->count() <= 0) throw UsageError("--time must be above 0");
  if (o.checkpoint == "-") throw UsageError("a training state is not written to standard output; give --checkpoint FILE");
  if (!looks) refuse_current_folder(r.output);
  check_files(o, common);
  check_output_name("-o", r.output, OutputKind::model);
  check_output_name("--metrics", o.metrics, OutputKind::text);
}

void complete_train_request(TrainOptions& o, const CommonOptions& common, const Ranks& ranks) {
  TrainRequest& r = o.request;
  // check_train_usage() refuses another number than the launcher's.
  r.ranks = o.ranks && ranks.size() == 1 ? static_cast<int>(*o.ranks) : ranks.size();
  r.rank = ranks.rank();
  visit_settings(r.settings, [&](const SettingInfo& info, const auto&) {
    if (given(o, info.name) || (info.setting == Setting::tied && given(o, "untied"))) r.named.add(info.setting);
  });
  if (given(o, "resume")) r.resume = o.resume == "auto" ? Resume::automatic : Resume::yes;
  if (given(o, "simd") && o.app->get_option("--simd")->as<std::string>() != "auto") r.simd = common.simd;
  if (o.overwrite) r.unfinished = UnfinishedState::replace;
  r.writes_nothing = o.dry_run || o.show_examples;
  if (o.time) r.budget.seconds = o.time->count();
  r.state = o.checkpoint.empty() ? default_state(r.output) : o.checkpoint;
  r.threads = common.threads;
  r.spool_folder = spool_folder();
}

}  // namespace lm::cmd
