#include "objectives/prefix.h"

#include <algorithm>

#include "objectives/causal.h"

namespace lm {

namespace {

class Prefix final : public Objective {
 public:
  explicit Prefix(const ObjectiveOptions& options) : causal_(make_causal(options)) {}

  std::string name() const override { return "prefix"; }
  std::int64_t window_length() const override { return causal_->window_length(); }
  std::int64_t window_stride() const override { return causal_->window_stride(); }
  /// The mean square of a uniform fraction is a third.
  double visible_prefix_share() const override { return 0.57735026918962576; }

  Example make(const WindowTokens& window, Rng& rng) const override {
    Example example = causal_->make(window, rng);
    const std::int64_t targets = window.end_valid - window.first_valid - 1;
    const std::int64_t choices = std::max<std::int64_t>(1, targets - 1);
    const std::int64_t length = 1 + static_cast<std::int64_t>(rng.below(static_cast<std::uint64_t>(choices)));
    example.prefix_length = window.first_valid + length;
    for (std::int64_t i = 0; i < example.prefix_length - 1; ++i) example.weight[static_cast<std::size_t>(i)] = 0.0f;
    return example;
  }

 private:
  std::unique_ptr<Objective> causal_;
};

}  // namespace

std::unique_ptr<Objective> make_prefix(const ObjectiveOptions& options) { return std::make_unique<Prefix>(options); }

}  // namespace lm
