#include "tasks/evaluate/continuations.h"

#include <cmath>

#include "base/json_number.h"
#include "base/number_text.h"

namespace lm {

double effective_continuations(const TargetScore& score) { return std::exp(score.entropy); }

void Continuations::add(const TargetScore& score) {
  ++tokens_;
  open_ += score.likely >= 2 ? 1 : 0;
  entropy_sum_ += score.entropy;
  effective_sum_ += effective_continuations(score);
  likely_sum_ += static_cast<double>(score.likely);
  entropy_.add(score.entropy);
  likely_.add(static_cast<double>(score.likely));
}

double Continuations::effective_quantile(double q) const { return std::exp(entropy_.quantile(q)); }

JsonValue to_json(const Continuations& continuations) {
  const auto number = [&](double value) {
    return continuations.tokens() == 0 ? JsonValue() : json_number(std::optional(value));
  };
  const auto spread = [&](double mean, auto quantile) {
    JsonValue json;
    json.set("mean", number(mean)).set("p10", number(quantile(0.1)));
    return json.set("p50", number(quantile(0.5))).set("p90", number(quantile(0.9)));
  };
  const Continuations& c = continuations;
  JsonValue json;
  json.set("tokens", c.tokens());
  json.set("entropy", spread(c.mean_entropy(), [&](double q) { return c.entropy_quantile(q); }));
  json.set("effective", spread(c.mean_effective(), [&](double q) { return c.effective_quantile(q); }));
  json.set("likely", spread(c.mean_likely(), [&](double q) { return c.likely_quantile(q); }));
  return json.set("open", number(c.open()));
}

std::string to_text(const Continuations& continuations, LogBase base) {
  const Continuations& c = continuations;
  if (c.tokens() == 0) return score_line("continuations", "undefined");
  const auto spread = [](double mean, int decimals, auto quantile) {
    const auto at = [&](double q) { return fixed_text(quantile(q), decimals); };
    return fixed_text(mean, 4) + " (10 %: " + at(0.1) + ", 50 %: " + at(0.5) + ", 90 %: " + at(0.9) + ")";
  };
  const double unit = log_of(base);
  std::string text =
      score_line("entropy", spread(c.mean_entropy() / unit, 3, [&](double q) { return c.entropy_quantile(q) / unit; }) +
                                " " + unit_of(base) + " a token");
  text += score_line("effective",
                     spread(c.mean_effective(), 3, [&](double q) { return c.effective_quantile(q); }) + " continuations");
  text += score_line("likely", spread(c.mean_likely(), 1, [&](double q) { return c.likely_quantile(q); }) +
                                   " at least half as likely as the best");
  return text + score_line("open", fixed_text(c.open(), 4) + " of the tokens have two or more of these");
}

}  // namespace lm
