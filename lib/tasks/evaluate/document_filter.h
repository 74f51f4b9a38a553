// Which documents are kept, by their perplexity.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "base/json.h"
#include "tasks/evaluate/totals.h"

namespace lm {

struct FilterOptions {
  std::optional<double> min_perplexity = {}, max_perplexity = {};
  /// In [0, 1]: the fraction to keep of the documents that have a perplexity, those of the least one. The bound that keeps it
  /// of the first kHeld documents is used for all.
  std::optional<double> keep_fraction = {};

  bool filters() const { return min_perplexity || max_perplexity || keep_fraction; }
};

/// Decides about documents in their order. With a fraction to keep it holds the first kHeld of them until it knows the bound.
class DocumentFilter {
 public:
  static constexpr std::size_t kHeld = 10000;
  /// `more`: what else the document's row says.
  using Emit = std::function<void(const DocumentScore& document, const JsonValue& more, bool kept)>;

  DocumentFilter(const FilterOptions& options, Emit emit);
  void add(const DocumentScore& document, const JsonValue& more = {});
  /// Releases what is held.
  void finish();

  bool holds() const { return !held_.empty(); }
  std::int64_t kept() const { return kept_; }
  std::int64_t rejected() const { return rejected_; }
  /// Returns the upper bound: the one that was given, or found.
  std::optional<double> max_perplexity() const { return options_.max_perplexity; }
  /// Resumes after documents that were decided about, with the bound that was found.
  void resume(std::int64_t kept, std::int64_t rejected, std::optional<double> max_perplexity);

 private:
  bool accepts(const DocumentScore& document) const;
  void decide(const DocumentScore& document, const JsonValue& more);
  void find_bound();

  FilterOptions options_;
  Emit emit_;
  bool knows_bound_;
  std::vector<std::pair<DocumentScore, JsonValue>> held_;
  std::int64_t kept_ = 0, rejected_ = 0;
};

}  // namespace lm
