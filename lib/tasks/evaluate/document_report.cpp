#include "tasks/evaluate/document_report.h"

namespace lm {

DocumentReport::DocumentReport(const DocumentReportOptions& options, OutputStream& output, OutputStream* rejected)
    : options_(options), output_(output), rejected_(rejected) {
  if (!options.header) return;
  output_.write(tsv_header("document", options.plan));
  if (rejected_ != nullptr) rejected_->write(tsv_header("document", options.plan));
}

void DocumentReport::add(const DocumentScore& document) {
  OutputStream* output = accepted(document) ? &output_ : rejected_;
  if (output == nullptr) return;
  switch (options_.form) {
    case ReportForm::json:
      return output->write(to_json(document, options_.plan, options_.base).dump() + "\n");
    case ReportForm::tsv:
      return output->write(to_tsv(document));
    case ReportForm::text:
      return output->write(to_text(document));
  }
}

bool DocumentReport::accepted(const DocumentScore& document) const {
  const std::optional<double> perplexity = document.score.perplexity();
  if (options_.max_perplexity && !(perplexity && *perplexity <= *options_.max_perplexity)) return false;
  return !options_.min_perplexity || !perplexity || *perplexity >= *options_.min_perplexity;
}

}  // namespace lm
