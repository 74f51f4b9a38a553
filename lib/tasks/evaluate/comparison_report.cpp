// What a comparison looks like: for people, as JSON, and as columns of a table.
#include "base/json_number.h"
#include "base/number_text.h"
#include "tasks/evaluate/comparison.h"

namespace lm {
namespace {

std::optional<double> mean_of(const FixedSum& sum, std::int64_t count) { return quotient(sum.value(), count); }

std::optional<double> agreement_of(const SecondScore& second) {
  return quotient(static_cast<double>(second.agreements), second.compared);
}

/// Returns what differences are divided by: those in nats a token are in the unit of the base, those in bits a byte stay.
double divisor_of(bool per_token, LogBase base) { return per_token ? log_of(base) : 1.0; }

std::string unit_of(bool per_token, LogBase base) {
  return per_token ? std::string(lm::unit_of(base)) + " a token" : std::string("bits a byte");
}

JsonValue number(const std::optional<double>& value, double divisor = 1) {
  return json_number(value ? std::optional(*value / divisor) : std::nullopt);
}

std::string shown(const std::optional<double>& value, double divisor, const std::string& unit) {
  return value ? fixed_text(*value / divisor, 4) + " " + unit : "undefined";
}

}  // namespace

std::vector<std::string> comparison_columns(bool per_token) {
  if (per_token) return {"against_nats", "difference", "kl", "agreement"};
  return {"against_nats", "difference"};
}

JsonValue row_json(const Score& first, const SecondScore& second, bool per_token, LogBase base) {
  JsonValue json;
  json.set("against_nats", json_number(second.score.nats.value()));
  json.set("difference", number(difference_of(first, second.score, per_token), divisor_of(per_token, base)));
  if (!per_token) return json;
  json.set("kl", number(mean_of(second.kl, second.compared)));
  return json.set("agreement", number(agreement_of(second)));
}

JsonValue to_json(const Comparison& comparison, LogBase base, std::string_view protocol) {
  const bool per_token = comparison.per_token();
  const double divisor = divisor_of(per_token, base);
  const SecondScore& second = comparison.second();
  const std::optional<DifferenceInterval> interval = comparison.interval();
  const auto of_interval = [&](double DifferenceInterval::*member) {
    return interval ? JsonValue((*interval).*member / divisor) : JsonValue();
  };
  JsonValue json;
  json.set("tokens", comparison.first().tokens).set("documents", comparison.documents());
  json.set("difference", number(comparison.difference(), divisor));
  json.set("unit", unit_of(per_token, base));
  json.set("standard_error", of_interval(&DifferenceInterval::standard_error));
  json.set("low", of_interval(&DifferenceInterval::low)).set("high", of_interval(&DifferenceInterval::high));
  json.set("over", interval ? JsonValue(interval->by_document ? "documents" : "blocks") : JsonValue());
  json.set("bits_per_byte_difference", number(comparison.bits_per_byte_difference()));
  json.set("wins", number(comparison.wins()));
  json.set("kl", number(mean_of(second.kl, second.compared)));
  json.set("kl_reverse", number(mean_of(second.kl_reverse, second.compared)));
  json.set("agreement", number(agreement_of(second)));
  return json.set("protocol", protocol);
}

std::string to_text(const Comparison& comparison, LogBase base, std::string_view path, std::string_view protocol) {
  const bool per_token = comparison.per_token();
  const double divisor = divisor_of(per_token, base);
  const std::string unit = unit_of(per_token, base);
  const SecondScore& second = comparison.second();
  std::string text = score_line("against", escaped(path));
  if (!per_token) text += score_line("its protocol", std::string(protocol));
  text += score_line("difference", shown(comparison.difference(), divisor, unit));
  if (const std::optional<DifferenceInterval> interval = comparison.interval()) {
    text +=
        score_line("95 % interval",
                   fixed_text(interval->low / divisor, 4) + " to " + fixed_text(interval->high / divisor, 4) + ", over " +
                       std::to_string(interval->clusters) + (interval->by_document ? " documents" : " blocks of windows"));
  }
  if (per_token) text += score_line("per byte", shown(comparison.bits_per_byte_difference(), 1, "bits a byte"));
  text += score_line("wins", shown(comparison.wins(), 1, "of the documents"));
  if (!per_token) return text;
  const std::string nats = unit_of(true, base);
  text += score_line("KL", shown(mean_of(second.kl, second.compared), log_of(base), nats));
  text += score_line("KL the other way", shown(mean_of(second.kl_reverse, second.compared), log_of(base), nats));
  text += score_line("agreement", shown(agreement_of(second), 1, "of the tokens"));
  return text;
}

}  // namespace lm
