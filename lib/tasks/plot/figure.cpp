#include "tasks/plot/figure.h"

#include <array>
#include <cmath>

#include "base/number_text.h"

namespace lm {

std::vector<Tick> count_ticks(double low, double high) {
  constexpr std::array kUnits = {"", "k", "M", "G", "T", "P", "E", "Z", "Y"};
  constexpr double kDecadesWithFives = 4, kTicks = 9;
  std::vector<Tick> ticks;
  if (!(low > 0) || !(high >= low)) return ticks;
  const double decades = std::log10(high / low);
  const int every = static_cast<int>(decades / kTicks) + 1;
  const int first = static_cast<int>(std::floor(std::log10(low)));
  for (int power = first; power <= static_cast<int>(std::ceil(std::log10(high))); ++power) {
    for (const double digit : {1.0, 2.0, 5.0}) {
      if (decades > kDecadesWithFives ? digit != 1 || (power - first) % every != 0 : digit == 2 && decades > 1) continue;
      const double value = digit * std::pow(10.0, power);
      if (value < low * (1 - 1e-9) || value > high * (1 + 1e-9)) continue;
      const int unit = power < 0 ? 0 : power / 3;
      const bool named = unit < static_cast<int>(kUnits.size());
      const double shown = named ? value / std::pow(1000.0, unit) : value;
      ticks.push_back({short_text(shown, 4) + (named ? kUnits[static_cast<std::size_t>(unit)] : ""), value});
    }
  }
  return ticks;
}

std::vector<Tick> loss_ticks(double low, double high) {
  std::vector<Tick> ticks;
  if (!(low > 0) || !(high >= low)) return ticks;
  const double ratio = high / low;
  if (ratio > 30) return count_ticks(low, high);
  const double distance = ratio > 3 ? 1 : ratio > 1.9 ? 0.5 : ratio > 1.3 ? 0.2 : ratio > 1.1 ? 0.1 : 0.02;
  const double step = high < 1 ? round_distance(high - low, 6) : distance;
  const auto last = static_cast<int>(std::ceil(high / step));
  for (int k = static_cast<int>(std::floor(low / step)); k <= last; ++k) {
    if (k > 0) ticks.push_back({short_text(k * step, 4), k * step});
  }
  return ticks;
}

double round_distance(double range, int count) {
  if (!(range > 0) || !std::isfinite(range)) return 1;
  const double least = range / count;
  const double power = std::pow(10.0, std::floor(std::log10(least)));
  for (const double digit : {1.0, 2.0, 5.0}) {
    if (digit * power >= least * (1 - 1e-9)) return digit * power;
  }
  return 10 * power;
}

}  // namespace lm
