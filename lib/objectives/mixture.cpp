#include "objectives/mixture.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

#include "base/error.h"

namespace lm {

namespace {

constexpr double kSmallestShare = 1e-6;

ObjectiveShare parse_share(std::string_view item, std::string_view whole) {
  const std::size_t colon = item.find(':');
  ObjectiveShare share{.entry = &find_objective(item.substr(0, colon)), .share = 1.0};
  if (colon == std::string_view::npos) return share;
  const std::string_view number = item.substr(colon + 1);
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), share.share);
  const bool whole_number = error == std::errc() && end == number.data() + number.size();
  if (!whole_number || !std::isfinite(share.share) || share.share <= 0) {
    throw Error("cannot read the weight '" + std::string(number) + "' of objective '" + std::string(whole) +
                "'; write it as causal:0.5,fim:0.5");
  }
  return share;
}

}  // namespace

Mixture::Mixture() : Mixture(parse_mixture("causal")) {}

Mixture::Mixture(std::string text, std::vector<ObjectiveShare> shares)
    : text_(std::move(text)), shares_(std::move(shares)) {}

bool Mixture::trains(std::string_view name) const {
  return std::any_of(shares_.begin(), shares_.end(), [&](const ObjectiveShare& share) { return name == share.entry->name; });
}

bool Mixture::predicts_next_token() const {
  return std::any_of(shares_.begin(), shares_.end(), [](const ObjectiveShare& share) { return share.entry->left_to_right; });
}

Mixture parse_mixture(std::string_view text) {
  std::vector<ObjectiveShare> shares;
  std::size_t start = 0;
  while (start <= text.size()) {
    const std::size_t comma = std::min(text.find(',', start), text.size());
    const ObjectiveShare share = parse_share(text.substr(start, comma - start), text);
    const bool repeated =
        std::any_of(shares.begin(), shares.end(), [&](const ObjectiveShare& other) { return other.entry == share.entry; });
    if (repeated)
      throw Error("objective '" + std::string(share.entry->name) + "' appears twice in '" + std::string(text) + "'");
    shares.push_back(share);
    start = comma + 1;
  }
  double sum = 0;
  for (const ObjectiveShare& share : shares) sum += share.share;
  for (ObjectiveShare& share : shares) {
    share.share /= sum;
    if (!std::isfinite(sum) || share.share < kSmallestShare) {
      throw Error("the weights of objective '" + std::string(text) +
                  "' are too far apart: each needs a fraction of at least a millionth");
    }
  }
  return Mixture(std::string(text), std::move(shares));
}

}  // namespace lm
