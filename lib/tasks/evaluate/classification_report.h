// What lm-eval-ppl prints of a classifier of features: a table for people, JSON, and tab-separated values.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"
#include "stats/linear_classifier.h"
#include "tasks/evaluate/class_labels.h"
#include "tasks/evaluate/judgements.h"

namespace lm {

/// What came of the documents of a class, or of all.
struct ClassRow {
  std::string name;            // empty for all
  std::int64_t documents = 0;  // of the class
  std::int64_t right = 0;      // of them those that the classifier found to be of it
  std::int64_t predicted = 0;  // of all documents those that it found to be of it

  /// Returns right / documents, with Wilson's interval.
  Rate accuracy() const;
};

struct ClassificationReport {
  ClassRow all;
  std::vector<ClassRow> classes;  // in the order in which they first occur
  std::vector<double> ridges;     // of the folds
  std::string protocol;
  std::string model = {}, tokenizer = {};  // hashes, in JSON; may be empty

  /// Returns the fraction of documents in the class that has most of them: the accuracy of who knows only that.
  double chance() const;
};

/// Counts what was predicted.
ClassificationReport report_of(const ClassLabels& labels, const Classification& classification);

/// Returns an object `classification` of the members documents, classes (their number), accuracy, accuracy_low, accuracy_high,
/// chance, ridges, protocol, model and tokenizer, and `by_class`, an array of class, documents, predicted, accuracy, accuracy_low
/// and accuracy_high.
JsonValue to_json(const ClassificationReport& report);
/// Returns a table of one value a line, then one by class.
std::string to_text(const ClassificationReport& report);
/// Returns a line for all documents, whose class is empty, and one for each class: class, documents, predicted, accuracy,
/// accuracy_low, accuracy_high and, in the first, chance.
std::string to_tsv(const ClassificationReport& report, bool header);

}  // namespace lm
