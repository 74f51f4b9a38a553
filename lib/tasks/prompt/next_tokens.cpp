#include "tasks/prompt/next_tokens.h"

#include <algorithm>
#include <cmath>

#include "base/json_number.h"
#include "base/number_text.h"
#include "base/printable.h"

namespace lm {
namespace {

constexpr std::size_t kBarColumns = 20;

std::string bar(double part) {
  const auto columns = static_cast<std::size_t>(std::lround(part * static_cast<double>(kBarColumns)));
  return pad_to_columns(std::string(columns, '#'), kBarColumns);
}

std::string table(const NextTokens& next, const TextModel& model, bool bars) {
  std::string text = "# entropy " + fixed_text(next.entropy, 4) + " bits\n";
  text += "#        p      bits      id  " + (bars ? std::string(kBarColumns + 2, ' ') : "") + "piece\n";
  for (const Candidate& candidate : next.likeliest) {
    text += align_right(fixed_text(candidate.probability, 6), 10) + align_right(fixed_text(surprisal(candidate), 4), 10) +
            align_right(std::to_string(candidate.id), 8) + "  ";
    if (bars) text += bar(candidate.probability / next.likeliest.front().probability) + "  ";
    text += printable(json_quote(model.bytes_of(candidate.id))) + "\n";
  }
  return text;
}

}  // namespace

NextTokens keep_likeliest(std::vector<Candidate> distribution, std::int64_t count) {
  NextTokens next;
  for (const Candidate& candidate : distribution) {
    if (candidate.probability > 0) next.entropy += candidate.probability * surprisal(candidate);
  }
  distribution.resize(std::min(distribution.size(), static_cast<std::size_t>(count)));
  distribution.shrink_to_fit();
  next.likeliest = std::move(distribution);
  return next;
}

double surprisal(const Candidate& candidate) {
  return candidate.probability < 1 ? -std::log2(candidate.probability) : 0.0;  // no -0
}

JsonValue to_json(const Candidate& candidate, const TextModel& model) {
  JsonValue json;
  json.set("id", static_cast<std::int64_t>(candidate.id));
  json.set("piece", model.bytes_of(candidate.id));
  json.set("p", candidate.probability);
  json.set("surprisal", json_number(surprisal(candidate)));
  return json;
}

std::string next_tokens_report(const NextTokens& next, const TextModel& model, NextTokensForm form) {
  if (form != NextTokensForm::json) return table(next, model, form == NextTokensForm::bars);
  std::string report;
  for (const Candidate& candidate : next.likeliest)
    report += to_json(candidate, model).set("entropy", next.entropy).dump() + "\n";
  return report;
}

}  // namespace lm
