// Class labels: what documents that come as JSON say they are.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "text/documents.h"

namespace lm {

/// More labels than this are no classes, but names.
constexpr std::size_t kMostClasses = 1000;

/// Reads one member of each document. Memory: a number a document.
class ClassLabels {
 public:
  explicit ClassLabels(std::string field) : field_(std::move(field)) {}

  /// Throws Error, naming the place, if the member is neither a string nor a whole number (which is the string of its digits),
  /// and if there are too many different ones.
  void add(const JsonDocument& document);
  /// Throws Error if documents are fewer than `folds`, or all of one class.
  void check(std::int64_t folds) const;

  const std::vector<std::int64_t>& of_documents() const { return labels_; }
  /// Returns the classes in the order in which they first occur.
  const std::vector<std::string>& classes() const { return classes_; }

 private:
  std::string field_;
  std::vector<std::int64_t> labels_;  // (N) numbers of classes
  std::vector<std::string> classes_;
  std::map<std::string, std::int64_t> numbers_;
};

}  // namespace lm
