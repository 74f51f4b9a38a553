#include "objectives/span.h"

#include <algorithm>

#include "base/error.h"
#include "objectives/draws.h"

namespace lm {

SpanPlan plan_spans(std::int64_t length, double density, double mean_length) {
  SpanPlan plan;
  const std::int64_t noise = round_half_to_even(density * static_cast<double>(length));
  plan.noise = std::max<std::int64_t>(1, std::min(noise, length - 1));
  plan.spans = std::max<std::int64_t>(1, round_half_to_even(static_cast<double>(plan.noise) / mean_length));
  // Each span needs a token of its own, and one of text before it.
  plan.spans = std::min({plan.spans, plan.noise, std::max<std::int64_t>(1, length - plan.noise)});
  return plan;
}

namespace {

class Span final : public Objective {
 public:
  explicit Span(const ObjectiveOptions& options) : options_(options) {
    if (!(options.span_density > 0 && options.span_density < 1)) throw Error("--span-density must be between 0 and 1");
    if (!(options.span_length >= 1)) throw Error("--span-length must be at least 1");
    std::vector<TokenId>& sentinels = options_.special.sentinels;
    if (sentinels.empty()) {
      throw Error(
          "objective 'span' needs the tokens <|extra_0|>, <|extra_1|> and so on (sentinels), which the tokenizer lacks");
    }
    needed_token("span", "<|extra_0|>", sentinels.front(), options);
    const auto beyond = [&](TokenId id) { return id >= options.vocab_size; };
    sentinels.erase(std::find_if(sentinels.begin(), sentinels.end(), beyond), sentinels.end());
    if (options.attend == Attend::document) {
      throw SettingsError("objective 'span' cannot keep the documents of a window apart; leave --attend document out");
    }
    while (fits(raw_length_ + 1)) ++raw_length_;
    if (raw_length_ < 2)
      throw SettingsError("--context " + std::to_string(options.context_length) + " is too short for objective 'span'");
    const std::int64_t spans = plan_spans(raw_length_, options.span_density, options.span_length).spans;
    if (spans > std::ssize(sentinels)) {
      throw Error("objective 'span' would need " + std::to_string(spans) + " sentinels, and there are " +
                  std::to_string(sentinels.size()) + "; raise --span-length or lower --context");
    }
  }

  std::string name() const override { return "span"; }
  std::int64_t window_length() const override { return raw_length_; }
  std::int64_t window_stride() const override { return raw_length_; }
  double visible_prefix_share() const override {
    const SpanPlan plan = plan_spans(raw_length_, options_.span_density, options_.span_length);
    return static_cast<double>(raw_length_ - plan.noise + plan.spans + 1) / static_cast<double>(options_.context_length);
  }

  Example make(const WindowTokens& window, Rng& rng) const override {
    LM_CHECK(static_cast<std::int64_t>(window.tokens.size()) == raw_length_);
    const std::span<const TokenId> raw = window.tokens.subspan(
        static_cast<std::size_t>(window.first_valid), static_cast<std::size_t>(window.end_valid - window.first_valid));
    const bool has_sentinel = std::any_of(raw.begin(), raw.end(), [this](TokenId id) { return is_sentinel(id); });
    if (has_sentinel || raw.size() < 2) {
      Example example = pack({raw.begin(), raw.end()}, 0);
      example.untransformed = has_sentinel ? 1 : 0;
      return example;
    }
    const SpanPlan plan = plan_spans(static_cast<std::int64_t>(raw.size()), options_.span_density, options_.span_length);
    const std::vector<std::int64_t> noise = random_composition(plan.noise, plan.spans, rng);
    const std::vector<std::int64_t> text =
        random_composition(static_cast<std::int64_t>(raw.size()) - plan.noise, plan.spans, rng);
    std::vector<TokenId> input;
    std::vector<TokenId> output;
    auto place = raw.begin();
    for (std::size_t i = 0; i < noise.size(); ++i) {
      input.insert(input.end(), place, place + text[i]);
      place += text[i];
      input.push_back(options_.special.sentinels[i]);
      output.push_back(options_.special.sentinels[i]);
      output.insert(output.end(), place, place + noise[i]);
      place += noise[i];
    }
    input.push_back(options_.end_of_text);
    output.push_back(options_.end_of_text);
    const auto prefix_length = static_cast<std::int64_t>(input.size());
    input.insert(input.end(), output.begin(), output.end());
    return pack(std::move(input), prefix_length);
  }

 private:
  bool fits(std::int64_t length) const {
    return length + 2 * plan_spans(length, options_.span_density, options_.span_length).spans + 2 <=
           options_.context_length + 1;
  }
  bool is_sentinel(TokenId id) const {
    return std::find(options_.special.sentinels.begin(), options_.special.sentinels.end(), id) !=
           options_.special.sentinels.end();
  }
  /// Returns a sequence of at most T + 1 tokens as inputs and targets, padded at the end.
  Example pack(std::vector<TokenId> sequence, std::int64_t prefix_length) const {
    const auto length = static_cast<std::size_t>(options_.context_length);
    LM_CHECK(sequence.size() <= length + 1);
    const std::size_t used = sequence.size();
    sequence.resize(length + 1, options_.end_of_text);
    Example example;
    example.input.assign(sequence.begin(), sequence.end() - 1);
    example.target.assign(sequence.begin() + 1, sequence.end());
    example.weight.assign(length, 0.0f);
    for (std::size_t i = static_cast<std::size_t>(std::max<std::int64_t>(0, prefix_length - 1)); i + 1 < used; ++i) {
      example.weight[i] = 1.0f;
    }
    example.prefix_length = prefix_length;
    return example;
  }

  ObjectiveOptions options_;
  std::int64_t raw_length_ = 1;
};

}  // namespace

std::unique_ptr<Objective> make_span(const ObjectiveOptions& options) { return std::make_unique<Span>(options); }

}  // namespace lm
