#include "infer/sampler.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "base/error.h"

namespace lm {
namespace {

bool likelier(const Candidate& a, const Candidate& b) {
  return a.probability != b.probability ? a.probability > b.probability : a.id < b.id;
}

void require(bool condition, const char* name, double value, const char* expected) {
  if (condition) return;
  throw Error("cannot sample with " + std::string(name) + " '" + std::to_string(value) + "': expected " + expected);
}

double sum_of(std::span<const Candidate> candidates) {
  double sum = 0;
  for (const Candidate& c : candidates) sum += c.probability;
  return sum;
}

[[noreturn]] void refuse_non_finite() { throw Error("cannot sample: the model gives values that are not finite"); }

[[noreturn]] void refuse_everything() { throw Error("cannot sample: no token of the vocabulary may be chosen"); }

/// Turns logits, divided by the temperature, into probabilities.
void softmax(std::vector<Candidate>& candidates, double temperature) {
  double largest = -std::numeric_limits<double>::infinity();
  for (const Candidate& c : candidates) largest = std::max(largest, c.probability);
  double sum = 0;
  for (Candidate& c : candidates) {
    c.probability = std::exp((c.probability - largest) / temperature);
    sum += c.probability;
  }
  for (Candidate& c : candidates) c.probability /= sum;
}

void normalise(std::vector<Candidate>& candidates) {
  const double sum = sum_of(candidates);
  for (Candidate& c : candidates) c.probability /= sum;
}

}  // namespace

Sampler::Sampler(const SamplingOptions& options, std::span<const std::uint8_t> allowed, SampleSeed seed)
    : options_(options), allowed_(allowed), rng_(seed.seed, RngPurpose::sampling, seed.text) {
  require(options.repetition_penalty > 0 && std::isfinite(options.repetition_penalty), "repetition penalty",
          options.repetition_penalty, "a number above 0");
  require(options.temperature >= 0 && std::isfinite(options.temperature), "temperature", options.temperature, "at least 0");
  require(options.top_k >= 0, "top-k", static_cast<double>(options.top_k), "at least 0");
  require(options.typical > 0 && options.typical <= 1, "typical", options.typical, "above 0, at most 1");
  require(options.top_p > 0 && options.top_p <= 1, "top-p", options.top_p, "above 0, at most 1");
  require(options.min_p >= 0 && options.min_p <= 1, "min-p", options.min_p, "from 0 to 1");
}

void Sampler::gather(TensorView<const float> logits) {
  LM_CHECK(static_cast<std::size_t>(logits.size()) == allowed_.size());
  candidates_.clear();
  for (std::size_t id = 0; id < allowed_.size(); ++id) {
    if (allowed_[id] == 0) continue;
    const float logit = logits[static_cast<std::int64_t>(id)];
    if (!std::isfinite(logit)) refuse_non_finite();
    candidates_.push_back({static_cast<TokenId>(id), static_cast<double>(logit)});
  }
  if (candidates_.empty()) refuse_everything();
}

void Sampler::penalise(std::span<const TokenId> visible) {
  if (options_.repetition_penalty == 1) return;
  std::vector<TokenId> seen(visible.begin(), visible.end());
  std::sort(seen.begin(), seen.end());
  for (Candidate& c : candidates_) {  // in order of id here
    if (!std::binary_search(seen.begin(), seen.end(), c.id)) continue;
    c.probability =
        c.probability > 0 ? c.probability / options_.repetition_penalty : c.probability * options_.repetition_penalty;
  }
}

void Sampler::keep_top_k() {
  const auto k = static_cast<std::size_t>(options_.top_k);
  if (k == 0 || k >= candidates_.size()) return;
  std::nth_element(candidates_.begin(), candidates_.begin() + static_cast<std::ptrdiff_t>(k), candidates_.end(), likelier);
  candidates_.resize(k);
  std::sort(candidates_.begin(), candidates_.end(), likelier);  // an order that is the same everywhere, for the draw
}

/// Puts the likeliest candidates in front, in order, and returns how many of them reach `mass`. Sorts no more than it has
/// to.
std::size_t Sampler::likeliest_mass(double mass) {
  double reached = 0;
  std::size_t sorted = 0;
  for (std::size_t batch = 64; sorted < candidates_.size(); batch *= 4) {
    const std::size_t end = std::min(sorted + batch, candidates_.size());
    const auto at = [&](std::size_t i) { return candidates_.begin() + static_cast<std::ptrdiff_t>(i); };
    std::nth_element(at(sorted), at(end - 1), candidates_.end(), likelier);
    std::sort(at(sorted), at(end), likelier);
    for (; sorted < end; ++sorted) {
      reached += candidates_[sorted].probability;
      if (reached >= mass) return sorted + 1;
    }
  }
  return candidates_.size();
}

void Sampler::keep_typical() {
  if (options_.typical >= 1) return;
  normalise(candidates_);
  double entropy = 0;
  for (const Candidate& c : candidates_) {
    if (c.probability > 0) entropy -= c.probability * std::log(c.probability);
  }
  std::vector<std::pair<double, Candidate>> order;
  for (const Candidate& c : candidates_) order.emplace_back(std::abs(-std::log(c.probability) - entropy), c);
  std::sort(order.begin(), order.end(), [](const auto& a, const auto& b) {
    return a.first != b.first ? a.first < b.first : likelier(a.second, b.second);
  });
  candidates_.clear();
  double reached = 0;
  for (const auto& [distance, candidate] : order) {
    candidates_.push_back(candidate);
    reached += candidate.probability;
    if (reached >= options_.typical) break;
  }
}

void Sampler::keep_top_p() {
  if (options_.top_p >= 1) return;
  candidates_.resize(likeliest_mass(options_.top_p * sum_of(candidates_)));
}

void Sampler::keep_min_p() {
  if (options_.min_p <= 0) return;
  double largest = 0;
  for (const Candidate& c : candidates_) largest = std::max(largest, c.probability);
  std::erase_if(candidates_, [&](const Candidate& c) { return c.probability < options_.min_p * largest; });
}

void Sampler::filter(TensorView<const float> logits, std::span<const TokenId> visible) {
  gather(logits);
  penalise(visible);
  keep_top_k();  // before softmax, which changes no order
  softmax(candidates_, options_.temperature);
  keep_typical();
  keep_top_p();
  keep_min_p();
  normalise(candidates_);
}

/// Returns the likeliest token that is allowed: of equals the first.
Candidate Sampler::likeliest(TensorView<const float> logits) const {
  LM_CHECK(static_cast<std::size_t>(logits.size()) == allowed_.size());
  float highest = -std::numeric_limits<float>::infinity();
  std::int64_t best = -1;
  bool finite = true;
  for (std::int64_t id = 0; id < logits.size(); ++id) {
    if (allowed_[static_cast<std::size_t>(id)] == 0) continue;
    const float logit = logits.data()[id];
    finite = finite && std::isfinite(logit);
    if (logit <= highest) continue;
    highest = logit;
    best = id;
  }
  if (!finite) refuse_non_finite();
  if (best < 0) refuse_everything();
  return {static_cast<TokenId>(best), 1.0};
}

Candidate Sampler::likeliest(TensorView<const float> logits, std::span<const TokenId> visible) {
  if (options_.repetition_penalty == 1) return likeliest(logits);
  gather(logits);
  penalise(visible);
  return {std::min_element(candidates_.begin(), candidates_.end(), likelier)->id, 1.0};
}

TokenId Sampler::choose(TensorView<const float> logits, std::span<const TokenId> visible) {
  // Drawn even if it is not needed: draw n belongs to token n.
  const double draw = rng_.uniform();
  if (options_.temperature == 0) return likeliest(logits, visible).id;
  filter(logits, visible);
  double passed = 0;
  for (const Candidate& c : candidates_) {
    passed += c.probability;
    if (draw < passed) return c.id;
  }
  // Rounding left the sum a little below the draw: the last token that can be drawn at all.
  return std::find_if(candidates_.rbegin(), candidates_.rend(), [](const Candidate& c) { return c.probability > 0; })->id;
}

std::vector<Candidate> Sampler::distribution(TensorView<const float> logits, std::span<const TokenId> visible) {
  if (options_.temperature == 0) return {likeliest(logits, visible)};
  filter(logits, visible);
  std::vector<Candidate> result = candidates_;
  std::sort(result.begin(), result.end(), likelier);
  return result;
}

std::vector<Candidate> model_distribution(TensorView<const float> logits) {
  std::vector<Candidate> result;
  result.reserve(static_cast<std::size_t>(logits.size()));
  for (std::int64_t id = 0; id < logits.size(); ++id) {
    if (!std::isfinite(logits[id])) refuse_non_finite();
    result.push_back({static_cast<TokenId>(id), static_cast<double>(logits[id])});
  }
  softmax(result, 1.0);
  std::sort(result.begin(), result.end(), likelier);
  return result;
}

}  // namespace lm
