#include "objectives/masked.h"

#include <algorithm>

#include "base/error.h"
#include "objectives/draws.h"

namespace lm {

namespace {

// BERT's fractions of the chosen tokens (arXiv:1810.04805): mask token, random token, the rest stays.
constexpr double kMaskShare = 0.8;
constexpr double kRandomShare = 0.1;

class Masked final : public Objective {
 public:
  explicit Masked(const ObjectiveOptions& options) : options_(options) {
    LM_CHECK(options.context_length > 0 && options.table != nullptr);
    needed_token("masked", "<|mask|>", options.special.mask, options);
    if (!(options.mask_rate > 0 && options.mask_rate <= 1)) throw Error("--mask-rate must be above 0 and at most 1");
    for (TokenId id = 0; id < std::min(options.vocab_size, options.table->vocab_size()); ++id) {
      if (!options.table->is_special(id)) ordinary_.push_back(id);
    }
  }

  std::string name() const override { return "masked"; }
  std::int64_t window_length() const override { return options_.context_length + (options_.mixed ? 1 : 0); }
  std::int64_t window_stride() const override { return options_.context_length; }
  double visible_prefix_share() const override { return 1.0; }

  Example make(const WindowTokens& window, Rng& rng) const override {
    LM_CHECK(static_cast<std::int64_t>(window.tokens.size()) == window_length());
    const std::int64_t length = options_.context_length;
    Example example;
    example.input.assign(window.tokens.begin(), window.tokens.begin() + length);
    example.target.assign(static_cast<std::size_t>(length), options_.end_of_text);
    example.weight.assign(static_cast<std::size_t>(length), 0.0f);
    example.prefix_length = length;
    example.document = document_indices(window, length, options_, Looks::both_ways);
    // In a mixture the token at i is predicted at i - 1, as the causal objective does, so the first has no place.
    const std::int64_t shift = options_.mixed ? 1 : 0;
    std::vector<std::int64_t> places = maskable_places(window, shift, length);
    const auto count = static_cast<std::int64_t>(places.size());
    const std::int64_t chosen =
        std::min(count, std::max<std::int64_t>(1, round_half_to_even(options_.mask_rate * static_cast<double>(count))));
    choose_first(places, chosen, rng);
    for (std::int64_t i = 0; i < chosen; ++i) {
      const auto place = static_cast<std::size_t>(places[static_cast<std::size_t>(i)]);
      const std::size_t output = place - static_cast<std::size_t>(shift);
      example.target[output] = window.tokens[place];
      example.weight[output] = 1.0f;
      const double draw = rng.uniform();
      if (draw < kMaskShare) {
        example.input[place] = *options_.special.mask;
      } else if (draw < kMaskShare + kRandomShare) {
        example.input[place] = ordinary_[static_cast<std::size_t>(rng.below(ordinary_.size()))];
      }
    }
    return example;
  }

 private:
  /// Returns the places of ordinary tokens: special ones and padding are never chosen, nor counted.
  std::vector<std::int64_t> maskable_places(const WindowTokens& window, std::int64_t first, std::int64_t length) const {
    std::vector<std::int64_t> places;
    for (std::int64_t i = std::max(first, window.first_valid + first); i < std::min(length, window.end_valid); ++i) {
      if (!options_.table->is_special(window.tokens[static_cast<std::size_t>(i)])) places.push_back(i);
    }
    return places;
  }

  ObjectiveOptions options_;
  std::vector<TokenId> ordinary_;
};

}  // namespace

std::unique_ptr<Objective> make_masked(const ObjectiveOptions& options) { return std::make_unique<Masked>(options); }

}  // namespace lm
