// lm-eval-ppl: how well a model predicts text, as its objective does, and what it has learned by that.
#include <spdlog/spdlog.h>
#include <sys/stat.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/file.h"
#include "eval_options.h"
#include "program.h"
#include "progress.h"
#include "sampling_options.h"
#include "tasks/evaluate/evaluate_and_report.h"
#include "tasks/evaluate/features_and_report.h"
#include "tokenizer_options.h"

namespace lm::cmd {
namespace {

/// Throws UsageError if a report is named twice: it would count twice.
void refuse_repeated(const std::vector<std::string>& reports) {
  std::map<std::pair<dev_t, ino_t>, std::string> seen;
  for (const std::string& path : reports) {
    struct stat status {};
    if (path == "-" || stat(path.c_str(), &status) != 0) continue;
    const auto [place, fresh] = seen.try_emplace({status.st_dev, status.st_ino}, path);
    if (!fresh)
      throw UsageError("the report '" + path + "' is named twice" +
                       (place->second == path ? "" : ", also as '" + place->second + "'") + "; name each part once");
  }
}

int merge(const EvalOptions& options, std::vector<std::string> files) {
  files.insert(files.begin(), options.model);
  refuse_repeated(files);
  const std::unique_ptr<OutputStream> output = open_output(options.output);
  merge_and_report(files, report_form(options), options.request.header, *output);
  output->close();
  return 0;
}

/// Returns what shows on a terminal how far the work is.
EvaluationProgress shown_by(Progress& progress) {
  return [&progress](std::int64_t count, const char* unit) {
    if (progress.due()) progress.update(-1, std::to_string(count) + " " + unit);
  };
}

int compute_features(const EvalOptions& options, const CommonOptions& common, Compute& compute, const TextModel& model,
                     std::vector<std::string> files) {
  const FeaturesRequest request = features_request(options, std::move(files));
  Progress progress(common);
  const auto opened = [](bool wanted, const std::string& path) { return wanted ? open_output(path) : nullptr; };
  const std::unique_ptr<OutputStream> features = opened(!options.features.output.empty(), options.features.output);
  const std::unique_ptr<OutputStream> report = opened(!request.classify.empty(), options.output);
  features_and_report(compute, model, request, {.features = features.get(), .report = report.get()}, shown_by(progress));
  if (features) features->close();
  if (report) report->close();
  return 0;
}

int run(const EvalOptions& options, const CommonOptions& common) {
  std::vector<std::string> files = check_eval_options(options, common);
  if (options.merge) return merge(options, files);
  TokenizerOptions tokenizer_options = options.tokenizer_options;
  if (options.infilling) tokenizer_options.reserved = fim_token_names();
  Compute compute(common.threads, common.simd);
  const auto open = [&](const std::string& path, const TokenizerOptions& as) {
    TextModel opened = open_text_model(path, as, matrices_for(options.products));
    pack_matrices(compute, opened);
    return opened;
  };
  const TextModel model = open(options.model, tokenizer_options);
  check_products(*options.app, options.products, model.packed.get(), options.model);
  if (options.features.any()) return compute_features(options, common, compute, model, std::move(files));
  EvaluationRequest request = request_of(options, scoring_of(options, model));
  request.inputs = std::move(files);
  std::optional<TextModel> against;
  if (!options.limits.against.empty()) against = open(options.limits.against, options.tokenizer_options);
  request.limits = limits_request(options.limits, against ? &*against : nullptr);
  Progress progress(common);
  const auto evaluate = [&](OutputStream& report, OutputStream* rejected, ResumableOutputs* resumable) {
    evaluate_and_report(compute, model, request,
                        {.report = report,
                         .rejected = rejected,
                         .resumable = resumable,
                         .notice = [](const std::string& notice) { spdlog::warn("{}", notice); }},
                        shown_by(progress));
  };
  if (options.resume) {
    ResumableOutputs outputs(options.output, options.rejected,
                             settings_to_resume(model, request, common.simd, options.rejected));
    if (!outputs.is_complete()) evaluate(outputs.output(), outputs.rejected(), &outputs);
    outputs.finish();
    return 0;
  }
  const std::unique_ptr<OutputStream> output = open_output(options.output);
  const std::unique_ptr<OutputStream> rejected = options.rejected.empty() ? nullptr : open_output(options.rejected);
  evaluate(*output, rejected.get(), nullptr);
  if (rejected) rejected->close();
  output->close();
  return 0;
}

}  // namespace
}  // namespace lm::cmd

int main(int argc, char** argv) {
  using namespace lm::cmd;
  EvalOptions options;
  return run_program(argc, argv,
                     {.name = "lm-eval-ppl",
                      .summary = "measure how well a model predicts text",
                      .usage = "[--documents KIND] [--level LEVEL,...] [--json|--tsv] MODEL [FILE...]",
                      .has_progress = true,
                      .products = Products::made,
                      .add_options = [&](CLI::App& app) { add_eval_options(app, options); },
                      .body = [&](const CommonOptions& common) { return run(options, common); }});
}
