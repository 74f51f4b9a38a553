#include "eval_modes.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <span>
#include <string_view>

#include "base/error.h"
#include "config.h"
#include "options.h"

namespace lm::cmd {
namespace {

constexpr std::array<std::string_view, 14> kReportOptions = {
    "MODEL",  "FILE",    "--json",    "--tsv",      "--header", "--output",      "--threads",
    "--simd", "--quiet", "--verbose", "--progress", "--config", "--dump-config", "--merge"};
constexpr std::array<std::string_view, 10> kJudgingOptions = {"--level",       "--context", "--score-end",  "--begin",
                                                              "--end-of-text", "--pattern", "--files-from", "--cloze",
                                                              "--probes",      "--pairs"};
constexpr std::array<std::string_view, 17> kFeatureOptions = {
    "MODEL",     "FILE",      "--features", "--documents", "--binary",      "--files-from",
    "--context", "--begin",   "--pattern",  "--threads",   "--end-of-text", "--simd",
    "--quiet",   "--verbose", "--progress", "--config",    "--dump-config"};
constexpr std::array<std::string_view, 5> kClassifyOptions = {"--classify", "--json", "--tsv", "--header", "--output"};
constexpr std::array<std::string_view, 1> kClozeOptions = {"--normalize"};
constexpr std::array<std::string_view, 3> kPairsOptions = {"--stride", "--scoring", "--within-word"};

/// Throws UsageError for an option that was given and is in none of the lists.
void refuse_others(const CLI::App& app, const std::vector<std::span<const std::string_view>>& lists,
                   const std::string& mode) {
  for (const CLI::Option* option : app.get_options()) {
    const std::string name = option->get_name().starts_with('-') ? "--" + option->get_single_name() : option->get_name();
    const bool known = std::any_of(lists.begin(), lists.end(), [&](const auto& list) {
      return std::find(list.begin(), list.end(), name) != list.end();
    });
    if (option->count() > 0 && !known) throw UsageError(name + " does not go with " + mode);
  }
}

void check_table(const EvalOptions& options) {
  if (options.json && options.tsv) throw UsageError("--json and --tsv exclude each other");
  if (options.request.header && !options.tsv) throw UsageError("--header goes with --tsv");
}

}  // namespace

void add_mode_options(CLI::App& app, EvalOptions& options) {
  app.add_flag("--cloze", options.cloze,
               "choose endings of contexts, JSON lines: context, endings, answer; or predict the last word: text");
  app.add_flag("--pairs", options.pairs, "compare sentences, JSON lines: good, bad, or as in BLiMP");
  app.add_flag("--probes", options.probes, "the same as --cloze, of the items that are installed");
  add_choice(app, "--normalize", options.request.normalize, "with --cloze: what an ending's log p is divided by");
}

bool judges(const EvalOptions& options) { return options.cloze || options.pairs || options.probes; }

void check_merge(const EvalOptions& options) {
  refuse_others(*options.app, {kReportOptions}, "--merge, which only adds up reports");
  check_table(options);
  if (options.model.empty())
    throw UsageError("no reports; name files that lm-eval-ppl --json wrote, or - for standard input");
}

void check_judging(const EvalOptions& options) {
  if (options.cloze + options.pairs + options.probes > 1)
    throw UsageError("--cloze, --pairs and --probes exclude each other");
  const std::string mode = options.cloze ? "--cloze" : options.pairs ? "--pairs" : "--probes";
  if (options.probes && !options.inputs.empty())
    throw UsageError("FILE does not go with --probes, which reads the items that are installed; --cloze reads others");
  refuse_others(
      *options.app,
      {kReportOptions, kJudgingOptions,
       options.pairs ? std::span<const std::string_view>(kPairsOptions) : std::span<const std::string_view>(kClozeOptions)},
      mode);
  const std::vector<Level>& levels = options.request.levels;
  if (levels.size() != 1 || (levels.front() != Level::corpus && levels.front() != Level::document))
    throw UsageError("--level is corpus or document with " + mode);
  if (options.scoring == Scoring::span) throw UsageError("--scoring span does not go with --pairs");
  check_table(options);
}

void check_features_mode(const EvalOptions& options) {
  if (options.features.classify.empty()) return refuse_others(*options.app, {kFeatureOptions}, "--features");
  refuse_others(*options.app, {kFeatureOptions, kClassifyOptions}, "--classify");
  check_table(options);
}

std::vector<std::string> find_probes() {
  namespace fs = std::filesystem;
  std::string places;
  for (const std::string& share : share_folders()) {
    const fs::path folder = fs::path(share) / "probes";
    std::vector<std::string> files;
    std::error_code error;
    for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
      if (entry.path().extension() == ".jsonl") files.push_back(entry.path().string());
    }
    std::sort(files.begin(), files.end());
    if (!files.empty()) return files;
    places += (places.empty() ? "'" : " or '") + fs::weakly_canonical(folder, error).string() + "'";
  }
  throw Error("cannot find the probes: no *.jsonl in " + places + "; install them, or name items with --cloze");
}

}  // namespace lm::cmd
