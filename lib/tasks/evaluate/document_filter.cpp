#include "tasks/evaluate/document_filter.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "base/error.h"

namespace lm {

DocumentFilter::DocumentFilter(const FilterOptions& options, Emit emit)
    : options_(options), emit_(std::move(emit)), knows_bound_(!options.keep_fraction) {
  LM_CHECK(!options.keep_fraction || !options.max_perplexity);
}

void DocumentFilter::add(const DocumentScore& document, const JsonValue& more) {
  if (knows_bound_) return decide(document, more);
  held_.emplace_back(document, more);
  if (held_.size() == kHeld) find_bound();
}

void DocumentFilter::finish() {
  if (!knows_bound_) find_bound();
}

void DocumentFilter::resume(std::int64_t kept, std::int64_t rejected, std::optional<double> max_perplexity) {
  LM_CHECK(held_.empty());
  kept_ = kept;
  rejected_ = rejected;
  if (!options_.keep_fraction || !max_perplexity) return;
  options_.max_perplexity = max_perplexity;
  knows_bound_ = true;
}

/// Sets the bound below or at which the fraction of what is held lies, and decides about it.
void DocumentFilter::find_bound() {
  knows_bound_ = true;
  std::vector<double> perplexities;
  for (const auto& [document, more] : held_) {
    // A perplexity beyond a double is above every bound.
    if (const std::optional<double> perplexity = document.score.perplexity())
      perplexities.push_back(std::min(*perplexity, std::numeric_limits<double>::max()));
  }
  const auto wanted =
      static_cast<std::ptrdiff_t>(std::llround(*options_.keep_fraction * static_cast<double>(perplexities.size())));
  if (wanted == 0) {
    options_.max_perplexity = 0;  // no perplexity is below 1
  } else {
    std::nth_element(perplexities.begin(), perplexities.begin() + wanted - 1, perplexities.end());
    options_.max_perplexity = perplexities[static_cast<std::size_t>(wanted - 1)];
  }
  const auto held = std::exchange(held_, {});
  for (const auto& [document, more] : held) decide(document, more);
}

void DocumentFilter::decide(const DocumentScore& document, const JsonValue& more) {
  const bool kept = accepts(document);
  ++(kept ? kept_ : rejected_);
  emit_(document, more, kept);
}

bool DocumentFilter::accepts(const DocumentScore& document) const {
  const std::optional<double> perplexity = document.score.perplexity();
  if (options_.max_perplexity && !(perplexity && *perplexity <= *options_.max_perplexity)) return false;
  return !options_.min_perplexity || !perplexity || *perplexity >= *options_.min_perplexity;
}

}  // namespace lm
