#include "tasks/evaluate/features_and_report.h"

#include <optional>

#include "base/error.h"
#include "base/npy.h"
#include "base/row_spool.h"
#include "stats/linear_classifier.h"
#include "tasks/evaluate/class_labels.h"
#include "tasks/evaluate/classification_report.h"
#include "tasks/evaluate/evaluate.h"
#include "tasks/evaluate/features.h"
#include "tasks/evaluate/report_hashes.h"

namespace lm {
namespace {

/// Names the document that grows, for messages.
class Places {
 public:
  void name(std::string_view name) { name_ = "'" + std::string(name) + "'"; }
  void take(const JsonDocument& document) { name_ = document.place; }
  std::string current() const {
    const std::string number = "document " + std::to_string(documents_);
    return name_.empty() ? number : number + " (" + name_ + ")";
  }
  void end_document() {
    ++documents_;
    name_.clear();
  }
  bool has_record() const { return !name_.empty(); }

 private:
  std::int64_t documents_ = 0;
  std::string name_;
};

std::string describe_validation(const CrossValidation& validation) {
  return "; " + std::to_string(validation.folds) + " folds, seed " + std::to_string(validation.seed);
}

void classify(const ClassLabels& labels, const RowSpool& rows, const std::string& protocol, const TextModel& model,
              const FeaturesRequest& request, OutputStream& output) {
  const CrossValidation validation;
  labels.check(validation.folds);
  const Classification classification = cross_validate({.rows = [&](const VisitRow& visit) { rows.for_each(visit); },
                                                        .columns = rows.columns(),
                                                        .labels = labels.of_documents(),
                                                        .classes = std::ssize(labels.classes())},
                                                       validation);
  ClassificationReport report = report_of(labels, classification);
  report.protocol = protocol + describe_validation(validation);
  switch (request.form) {
    case ReportForm::text:
      return output.write(to_text(report));
    case ReportForm::tsv:
      return output.write(to_tsv(report, request.header));
    case ReportForm::json:
      report.model = weights_hash(model);
      report.tokenizer = tokenizer_hash(model.tokenizer);
      return output.write(to_json(report).dump() + "\n");
  }
}

}  // namespace

void features_and_report(Compute& compute, const TextModel& model, const FeaturesRequest& request,
                         const FeaturesOutputs& outputs, const EvaluationProgress& progress) {
  const std::int64_t columns = model.config().channels;
  std::optional<NpyWriter> npy;
  std::optional<RowSpool> spool;
  std::optional<ClassLabels> labels;
  FeatureExtractor extractor(compute, model, request.context, [&](std::span<const float> features) {
    if (npy) npy->add(features);
    if (spool) spool->add(features);
  });
  if (outputs.features != nullptr) npy.emplace(*outputs.features, columns, request.spool_folder);
  if (!request.classify.empty()) {
    spool.emplace(request.spool_folder, columns);
    labels.emplace(request.classify);
  }
  Places places;
  read_documents({.name = [&](std::string_view name) { places.name(name); },
                  .tokens = [&](std::span<const TokenId> tokens) { extractor.add(tokens); },
                  .end =
                      [&] {
                        if (labels && !places.has_record())
                          throw Error("cannot classify " + places.current() +
                                      ": documents of a token stream have no members; give it JSON lines");
                        extractor.end_document(places.current());
                        places.end_document();
                      },
                  .json =
                      [&](const JsonDocument& document) {
                        places.take(document);
                        if (labels) labels->add(document);
                      }},
                 model, request.inputs, request.documents, [&] { progress(extractor.tokens(), "tokens"); });
  extractor.finish();
  if (npy) npy->finish();
  if (!labels) return;
  spool->finish();
  classify(*labels, *spool, extractor.protocol(), model, request, *outputs.report);
}

}  // namespace lm
