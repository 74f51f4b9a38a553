#include "tasks/train/settings.h"

#include <charconv>
#include <type_traits>

#include "base/error.h"
#include "base/json.h"

namespace lm {

namespace {

template <class Number>
void require_limits(const SettingInfo& info, Number value) {
  const auto low = static_cast<Number>(info.low), high = static_cast<Number>(info.high);
  if (value >= low && value <= high) return;
  throw Error(std::string("--") + info.name + " must be from " + JsonValue(low).dump() + " to " + JsonValue(high).dump() +
              ", got " + JsonValue(value).dump());
}

/// Settings that are not numbers have no limits.
template <class T>
void check_limits(const SettingInfo& info, const T& value) {
  if constexpr (std::is_same_v<T, double> || std::is_same_v<T, std::int64_t>) require_limits(info, value);
}
template <class T>
void check_limits(const SettingInfo& info, const std::optional<T>& value) {
  if (value) check_limits(info, *value);
}

}  // namespace

std::optional<Betas> parse_betas(std::string_view text) {
  Betas betas{.first = -1, .second = -1};
  const char* end = text.data() + text.size();
  const auto [comma, error] = std::from_chars(text.data(), end, betas.first);
  if (error != std::errc() || comma == end || *comma != ',') return std::nullopt;
  const auto [rest, error2] = std::from_chars(comma + 1, end, betas.second);
  if (error2 != std::errc() || rest != end) return std::nullopt;
  const auto decays = [](double beta) { return beta >= 0 && beta < 1; };
  return decays(betas.first) && decays(betas.second) ? std::optional(betas) : std::nullopt;
}

std::string to_string(const Betas& betas) { return JsonValue(betas.first).dump() + "," + JsonValue(betas.second).dump(); }

void check_settings(const TrainSettings& settings) {
  visit_settings(settings, [](const SettingInfo& info, const auto& value) { check_limits(info, value); });
}

}  // namespace lm
