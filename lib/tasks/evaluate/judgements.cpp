#include "tasks/evaluate/judgements.h"

#include <algorithm>
#include <limits>

#include "base/error.h"

namespace lm {
namespace {

constexpr double kNoVariance = 1e-12;  // of fractions: what rounding may leave

std::string label_at(const JsonValue& record, std::string_view name, const std::string& source) {
  const JsonValue* value = record.find(name);
  return value == nullptr || value->is_null() ? std::string() : record.string_at(name, source);
}

}  // namespace

ItemLabels labels_of(const JsonValue& record, const std::string& source) {
  ItemLabels labels{.kind = label_at(record, "kind", source), .phenomenon = label_at(record, "phenomenon", source)};
  const JsonValue* group = record.find("group");
  if (group == nullptr || group->is_null()) return labels;
  if (const std::int64_t* number = group->if_integer()) {
    labels.group = std::to_string(*number);
  } else if (group->if_string() != nullptr) {
    labels.group = *group->if_string();
  } else {
    throw Error("expected a string or a whole number for 'group' in " + source);
  }
  return labels;
}

const JsonValue* find_any(const JsonValue& record, const std::vector<std::string_view>& names) {
  for (const std::string_view name : names) {
    if (const JsonValue* value = record.find(name)) return value;
  }
  return nullptr;
}

const std::string& string_of(const JsonValue& record, const std::vector<std::string_view>& names,
                             const std::string& source) {
  const JsonValue* value = find_any(record, names);
  if (value != nullptr && value->if_string() != nullptr) return *value->if_string();
  std::string all;
  for (const std::string_view name : names) all += (all.empty() ? "'" : " or '") + std::string(name) + "'";
  throw Error("expected a string for " + all + " in " + source);
}

void judge(Judgement& judgement) {
  LM_CHECK(judgement.scores.size() >= 2);
  double best_other = -std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < judgement.scores.size(); ++i) {
    if (static_cast<std::int64_t>(i) != judgement.answer) best_other = std::max(best_other, judgement.scores[i]);
  }
  judgement.margin = judgement.scores[static_cast<std::size_t>(judgement.answer)] - best_other;
  judgement.right = judgement.margin > 0 ? 1 : judgement.margin == 0 ? 0.5 : 0;
}

double Tally::mean_of(double sum) const {
  return items_ == 0 ? std::numeric_limits<double>::quiet_NaN() : sum / static_cast<double>(items_);
}

void Tally::add(const Judgement& judgement) {
  std::size_t place = sizes_.size();
  if (judgement.labels.group) {
    const std::string key = judgement.labels.kind + '\0' + *judgement.labels.group;
    place = places_.try_emplace(key, place).first->second;
  }
  if (place == sizes_.size()) {
    for (std::vector<double>* sums : {&sizes_, &rights_, &margins_}) sums->push_back(0);
  }
  sizes_[place] += 1;
  rights_[place] += judgement.right;
  margins_[place] += judgement.margin;
  ++items_;
  right_ += judgement.right;
  tokens_ += judgement.tokens;
  if (judgement.tokens > 0) log_p_ += judgement.scores.front();
  chances_ += 1 / static_cast<double>(judgement.scores.size());
}

std::optional<std::int64_t> Tally::groups() const {
  if (places_.empty()) return std::nullopt;
  return std::ssize(sizes_);
}

Rate Tally::accuracy() const {
  if (places_.empty()) return {mean_of(right_), wilson_interval(right_, static_cast<double>(items_))};
  Estimate estimate = estimate_ratio(rights_, sizes_);
  if (!(estimate.standard_error > kNoVariance)) {
    const auto clusters = static_cast<double>(sizes_.size());
    return {estimate.value, wilson_interval(estimate.value * clusters, clusters)};
  }
  if (estimate.interval.low < 0) estimate.interval.low = 0;
  if (estimate.interval.high > 1) estimate.interval.high = 1;
  return {estimate.value, estimate.interval};
}

void Judgements::Table::add(const std::string& kind, const std::string& phenomenon, const Judgement& judgement) {
  const auto [place, is_new] = places.try_emplace({kind, phenomenon}, rows.size());
  if (is_new) rows.push_back({.kind = kind, .phenomenon = phenomenon});
  rows[place->second].tally.add(judgement);
}

void Judgements::add(const Judgement& judgement) {
  total_.add(judgement);
  cut_ += judgement.cut ? 1 : 0;
  const ItemLabels& labels = judgement.labels;
  if (!labels.kind.empty()) kinds_.add(labels.kind, "", judgement);
  if (!labels.phenomenon.empty()) phenomena_.add(labels.kind, labels.phenomenon, judgement);
}

}  // namespace lm
