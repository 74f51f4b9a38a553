// One call for features: reads documents, computes a row of each, writes the rows, and reports how well they tell classes apart.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/file.h"
#include "kernels/compute.h"
#include "tasks/evaluate/evaluate_and_report.h"
#include "tasks/text_model.h"
#include "text/documents.h"

namespace lm {

struct FeaturesRequest {
  std::vector<std::string> inputs = {};
  DocumentKind documents = {};
  std::int64_t context = 0;            // 0: the model's
  std::string classify = {};           // the member of JSON documents that is the class; empty: nothing is classified
  ReportForm form = ReportForm::text;  // of the classifier
  bool header = false;
  std::string spool_folder = "/tmp";  // for rows that must be read again
};

struct FeaturesOutputs {
  OutputStream* features = nullptr;  // as .npy, (documents, channels); may be null
  OutputStream* report = nullptr;    // of the classifier, if there is one
};

/// Throws Error if a document has no tokens or, with classify, no class; then nothing is complete.
void features_and_report(Compute& compute, const TextModel& model, const FeaturesRequest& request,
                         const FeaturesOutputs& outputs, const EvaluationProgress& progress);

}  // namespace lm
