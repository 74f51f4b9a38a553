#include "model/rotary_tables.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/error.h"

namespace lm {

namespace {

const Rotary& rotary_of(const ModelConfig& config, Rotation rotation) {
  return rotation == Rotation::local ? config.local_rotary : config.rotary;
}

bool uses(const ModelConfig& config, Rotation rotation) {
  if (config.positions != Positions::rotary) return false;
  if (config.layer_shapes.empty()) return rotation == Rotation::global;
  return std::any_of(config.layer_shapes.begin(), config.layer_shapes.end(),
                     [&](const LayerShape& layer) { return layer.rotation == rotation; });
}

/// Returns the longest sequence that the first of a rotation's tables serves.
std::int64_t served_within(const Rotary& rotary, std::int64_t positions) {
  return rotary.scaling == RotaryScaling::longrope ? std::min(rotary.original_context, positions) : positions;
}

double between(double low, double high, double part) { return low * (1 - part) + high * part; }

/// Returns theta^(-2i / dim), rounded to float where transformers rounds it.
double plain_frequency(double theta, std::int64_t i, std::int64_t dim) {
  const float exponent = static_cast<float>(2 * i) / static_cast<float>(dim);
  return static_cast<double>(1.0F / static_cast<float>(std::pow(theta, static_cast<double>(exponent))));
}

double llama3_frequency(const Rotary& rotary, double frequency) {
  const double turns = static_cast<double>(rotary.original_context) * frequency / (2 * std::numbers::pi);
  if (turns > rotary.high_frequency) return frequency;
  if (turns < rotary.low_frequency) return frequency / rotary.factor;
  const double part = (turns - rotary.low_frequency) / (rotary.high_frequency - rotary.low_frequency);
  return between(frequency / rotary.factor, frequency, part);
}

/// The pairs, numbered through, between which yarn's ramp rises.
struct Ramp {
  double low, high;
  double at(std::int64_t pair) const { return std::clamp((static_cast<double>(pair) - low) / (high - low), 0.0, 1.0); }
};

Ramp yarn_ramp(const Rotary& rotary, std::int64_t dim) {
  const auto pair_with = [&](double turns) {
    return static_cast<double>(dim) *
           std::log(static_cast<double>(rotary.original_context) / (turns * 2 * std::numbers::pi)) /
           (2 * std::log(rotary.theta));
  };
  double low = pair_with(rotary.fast_turns), high = pair_with(rotary.slow_turns);
  if (rotary.whole_bounds) {
    low = std::floor(low);
    high = std::ceil(high);
  }
  low = std::max(low, 0.0);
  high = std::min(high, static_cast<double>(dim - 1));
  return {low, low == high ? high + 0.001 : high};
}

}  // namespace

std::vector<double> rotary_frequencies(const Rotary& rotary, std::int64_t dim, bool beyond_original) {
  const std::int64_t half = dim / 2;
  std::vector<double> frequencies;
  const Ramp ramp = rotary.scaling == RotaryScaling::yarn ? yarn_ramp(rotary, dim) : Ramp{0, 1};
  for (std::int64_t i = 0; i < half; ++i) {
    const double frequency = plain_frequency(rotary.theta, i, dim);
    switch (rotary.scaling) {
      case RotaryScaling::none:
      case RotaryScaling::dynamic:
        frequencies.push_back(frequency);
        break;
      case RotaryScaling::linear:
        frequencies.push_back(frequency / rotary.factor);
        break;
      case RotaryScaling::llama3:
        frequencies.push_back(llama3_frequency(rotary, frequency));
        break;
      case RotaryScaling::yarn:
        frequencies.push_back(between(frequency, frequency / rotary.factor, ramp.at(i)));
        break;
      case RotaryScaling::longrope:
        frequencies.push_back(frequency /
                              (beyond_original ? rotary.long_factors : rotary.short_factors)[static_cast<std::size_t>(i)]);
        break;
    }
  }
  return frequencies;
}

template <class T>
void RotaryTables<T>::place(Layout& layout, const ModelConfig& config, std::int64_t positions) {
  const std::int64_t half = config.rotated_dim() / 2;
  for (const Rotation rotation : {Rotation::global, Rotation::local}) {
    if (!uses(config, rotation)) continue;
    Tables& tables = tables_[rotation == Rotation::local ? 1 : 0];
    tables.original = served_within(rotary_of(config, rotation), positions);
    layout.place(tables.within.cosine, tables.original, half);
    layout.place(tables.within.sine, tables.original, half);
    if (tables.original == positions) continue;
    layout.place(tables.beyond.cosine, positions, half);
    layout.place(tables.beyond.sine, positions, half);
  }
}

template <class T>
void RotaryTables<T>::fill(const ModelConfig& config) {
  const std::int64_t dim = config.rotated_dim();
  for (const Rotation rotation : {Rotation::global, Rotation::local}) {
    if (!uses(config, rotation)) continue;
    const Rotary& rotary = rotary_of(config, rotation);
    Tables& tables = tables_[rotation == Rotation::local ? 1 : 0];
    rotary_table(tables.within.cosine, tables.within.sine, rotary_frequencies(rotary, dim, false), rotary.attention_factor);
    if (tables.beyond.cosine.empty()) continue;
    rotary_table(tables.beyond.cosine, tables.beyond.sine, rotary_frequencies(rotary, dim, true), rotary.attention_factor);
  }
}

template <class T>
const RotaryTable<T>& RotaryTables<T>::of(Rotation rotation, std::int64_t length) const {
  if (rotation == Rotation::none) return none_;
  const Tables& tables = tables_[rotation == Rotation::local ? 1 : 0];
  return length <= tables.original ? tables.within : tables.beyond;
}

bool rotation_changes(const ModelConfig& config, std::int64_t from, std::int64_t to) {
  for (const Rotation rotation : {Rotation::global, Rotation::local}) {
    const std::int64_t within = served_within(rotary_of(config, rotation), config.context_length);
    if (uses(config, rotation) && (from <= within) != (to <= within)) return true;
  }
  return false;
}

template class RotaryTables<float>;
template class RotaryTables<double>;

}  // namespace lm
