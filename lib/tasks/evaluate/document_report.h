// A report of each document on its own, which may leave documents out by their perplexity.
#pragma once

#include <optional>

#include "base/file.h"
#include "tasks/evaluate/evaluate_report.h"

namespace lm {

enum class ReportForm { text, json, tsv };

struct DocumentReportOptions {
  WindowPlan plan = {};
  LogBase base = LogBase::e;
  ReportForm form = ReportForm::text;
  bool header = false;  // names of the columns first, with tsv
  std::optional<double> min_perplexity = {}, max_perplexity = {};
};

/// Writes each document to one output or, if it is left out, to the other, if there is one.
class DocumentReport {
 public:
  /// Outputs outlive it; `rejected` may be null.
  DocumentReport(const DocumentReportOptions& options, OutputStream& output, OutputStream* rejected);
  void add(const DocumentScore& document);

 private:
  bool accepted(const DocumentScore& document) const;

  DocumentReportOptions options_;
  OutputStream& output_;
  OutputStream* rejected_;
};

}  // namespace lm
