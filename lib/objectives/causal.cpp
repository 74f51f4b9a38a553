#include "objectives/causal.h"

#include "base/error.h"

namespace lm {

namespace {

class Causal final : public Objective {
 public:
  explicit Causal(const ObjectiveOptions& options) : options_(options) { LM_CHECK(options.context_length > 0); }

  std::string name() const override { return "causal"; }
  std::int64_t window_length() const override { return options_.context_length + 1; }
  std::int64_t window_stride() const override { return options_.context_length; }
  double visible_prefix_share() const override { return 0.0; }

  Example make(const WindowTokens& window, Rng&) const override {
    LM_CHECK(static_cast<std::int64_t>(window.tokens.size()) == window_length());
    const auto length = static_cast<std::size_t>(options_.context_length);
    Example example;
    example.input.assign(window.tokens.begin(), window.tokens.end() - 1);
    example.target.assign(window.tokens.begin() + 1, window.tokens.end());
    example.weight.resize(length);
    for (std::int64_t i = 0; i < options_.context_length; ++i) {
      const bool counts = i >= window.first_valid && i + 1 < window.end_valid;
      example.weight[static_cast<std::size_t>(i)] = counts ? 1.0f : 0.0f;
    }
    example.document = document_indices(window, options_.context_length, options_);
    return example;
  }

 private:
  ObjectiveOptions options_;
};

}  // namespace

std::unique_ptr<Objective> make_causal(const ObjectiveOptions& options) { return std::make_unique<Causal>(options); }

}  // namespace lm
