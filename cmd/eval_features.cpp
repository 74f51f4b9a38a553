#include "eval_features.h"

#include <utility>

#include "eval_modes.h"
#include "eval_options.h"
#include "options.h"
#include "output_names.h"
#include "program.h"

namespace lm::cmd {

void add_feature_options(CLI::App& app, EvalFeatures& options) {
  add_text(app, "--features", options.output,
           "write each document's mean hidden state to a NumPy file: documents by channels, float32", "FILE.npy");
  add_text(app, "--classify", options.classify,
           "tell by these features which value the member FIELD of JSON documents has, by a linear classifier", "FIELD");
}

void check_feature_options(const EvalOptions& options) {
  const auto given = [&](const char* name) { return options.app->count(name) > 0; };
  const EvalFeatures& features = options.features;
  if (given("--features") && features.output.empty()) throw UsageError("--features needs the name of a file");
  if (given("--classify") && features.classify.empty()) throw UsageError("--classify needs the name of a member");
  check_features_mode(options);
  const bool is_json = options.request.documents.kind == DocumentKind::Kind::jsonl;
  if (!features.classify.empty() && given("--documents") && !is_json)
    throw UsageError("--classify goes with --documents jsonl, or jsonl:FIELD for the member that is the text");
  if (features.output == "-" && !features.classify.empty() && options.output == "-")
    throw UsageError("--features - and the report of --classify would both be standard output; give one of them a file");
  check_output_name("--features", features.output, OutputKind::features);
  if (features.output == "-" && is_terminal(1))
    throw UsageError("features are not written to a terminal; name a file, or use a pipe");
}

FeaturesRequest features_request(const EvalOptions& options, std::vector<std::string> inputs) {
  FeaturesRequest request{.inputs = std::move(inputs),
                          .documents = options.request.documents,
                          .context = options.context.value_or(0),
                          .classify = options.features.classify,
                          .form = report_form(options),
                          .header = options.request.header,
                          .spool_folder = spool_folder()};
  if (!request.classify.empty()) request.documents.kind = DocumentKind::Kind::jsonl;
  return request;
}

}  // namespace lm::cmd
