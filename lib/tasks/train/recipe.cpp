#include "tasks/train/recipe.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/error.h"
#include "base/json.h"
#include "base/number_text.h"

namespace lm {

namespace {

struct Shape {
  std::int64_t layers, channels;
  /// Weights in its matrix products: in a layer four of attention and, with SwiGLU, three of 8/3; and the head.
  double weights(std::int64_t vocab_size) const {
    return 12.0 * static_cast<double>(layers) * static_cast<double>(channels * channels) +
           static_cast<double>(channels * vocab_size);
  }
};

constexpr std::array<Shape, 11> kLadder = {
    {{2, 64}, {3, 96}, {4, 128}, {4, 192}, {4, 256}, {6, 256}, {6, 384}, {8, 512}, {10, 640}, {12, 768}, {16, 1024}}};

// Weights of the best model for a time that allows 1e14 FLOP of training, and the power by which they grow.
constexpr double kWeightsAt = 1.6e6;
constexpr double kComputeAt = 1e14;
constexpr double kComputePower = 0.5;
// Weights of the largest model that a text of a million tokens, read again and again, is for.
constexpr double kWeightsForText = 2.2e6;
constexpr double kTextAt = 1e6;
constexpr double kTextPower = 0.5;
// Dropout by the pressure to learn a text by heart, which is epochs times weights over tokens: from where on, and how fast
// it grows. Beyond the largest pressure no dropout helps, and training ends; but not before it has begun to learn.
constexpr double kPressureWithout = 13;
constexpr double kDropoutPerDoubling = 0.065;
constexpr double kLargestDropout = 0.4;
constexpr double kLargestPressure = 500;
constexpr double kFewestTokens = 1e6;
// Weight decay of the matrices: read less than once, again, and very often.
constexpr double kEpochsOfRepetition = 1;
constexpr double kEpochsOfMuchRepetition = 25;
constexpr double kWeightDecay = 0.1;
constexpr double kWeightDecayRepeated = 0.5;
constexpr double kWeightDecayMuchRepeated = 1.0;

/// Returns the fraction of the fp32 peak that training reaches, by width: small products leave more of it to everything
/// else. Fitted to what tests/bench/training.sh measures at 128 to 512 channels, of 16-bit precisions in bf16.
double expected_fraction(Precision precision, std::int64_t channels) {
  const auto c = static_cast<double>(channels);
  return precision == Precision::fp32 ? 0.8 * c / (c + 44) : 1.55 * c / (c + 98);
}

double tokens_in(const RecipeFacts& facts, const Shape& shape, std::int64_t context) {
  const auto width = static_cast<double>(shape.channels);
  const double per_token =
      6 * shape.weights(facts.vocab_size) + 6 * static_cast<double>(shape.layers) * width * static_cast<double>(context);
  return facts.seconds * facts.peak_flops * expected_fraction(facts.precision, shape.channels) / per_token;
}

Recipe recipe_of(const RecipeFacts& facts, const Shape& shape) {
  Recipe recipe{.layers = shape.layers, .channels = shape.channels, .context = 256, .batch = 16};
  if (shape.channels >= 512) recipe.context = 512;
  const auto tokens = static_cast<double>(std::max<std::int64_t>(1, facts.tokens));
  recipe.epochs = tokens_in(facts, shape, recipe.context) / tokens;
  const double weights_per_token = shape.weights(facts.vocab_size) / tokens;
  const double useful_epochs = std::ceil(std::max(kLargestPressure / weights_per_token, kFewestTokens / tokens));
  if (recipe.epochs > useful_epochs) recipe.most_epochs = static_cast<std::int64_t>(useful_epochs);
  const double pressure = std::min(recipe.epochs, useful_epochs) * weights_per_token;
  if (pressure > kPressureWithout) {
    const double dropout = kDropoutPerDoubling * std::log2(pressure / kPressureWithout);
    recipe.dropout = std::min(kLargestDropout, std::round(dropout * 100) / 100);
  }
  recipe.weight_decay = recipe.epochs < kEpochsOfRepetition       ? kWeightDecay
                        : recipe.epochs < kEpochsOfMuchRepetition ? kWeightDecayRepeated
                                                                  : kWeightDecayMuchRepeated;
  return recipe;
}

}  // namespace

Recipe choose_recipe(const RecipeFacts& facts) {
  LM_CHECK(facts.tokens >= 0 && facts.vocab_size > 0 && facts.seconds > 0 && facts.peak_flops > 0);
  const double compute = facts.seconds * facts.peak_flops * expected_fraction(facts.precision, 256);
  const double by_time = kWeightsAt * std::pow(compute / kComputeAt, kComputePower);
  const double by_text =
      kWeightsForText * std::pow(static_cast<double>(std::max<std::int64_t>(1, facts.tokens)) / kTextAt, kTextPower);
  const double wanted = std::log(std::min(by_time, by_text));
  auto shape = std::min_element(kLadder.begin(), kLadder.end(), [&](const Shape& a, const Shape& b) {
    return std::abs(std::log(a.weights(facts.vocab_size)) - wanted) <
           std::abs(std::log(b.weights(facts.vocab_size)) - wanted);
  });
  while (shape != kLadder.begin() && facts.fits && !facts.fits(recipe_of(facts, *shape))) --shape;
  return recipe_of(facts, *shape);
}

void set_recipe(TrainSettings& settings, const SettingSet& named, const Recipe& recipe) {
  settings.model.layers = recipe.layers;
  settings.model.channels = recipe.channels;
  if (!named.has(Setting::context)) settings.model.context = recipe.context;
  if (!named.has(Setting::batch)) settings.trainer.batch_sequences = recipe.batch;
  if (!named.has(Setting::dropout)) settings.model.dropout = recipe.dropout;
  if (!named.has(Setting::weight_decay)) settings.trainer.optimizer.weight_decay = recipe.weight_decay;
}

bool names_model_size(const SettingSet& named) {
  return named.has_any_of(
      {Setting::layers, Setting::channels, Setting::heads, Setting::kv_heads, Setting::head_dim, Setting::ffn});
}

std::string describe_recipe(const TrainSettings& settings, const SettingSet& named, const Recipe& recipe,
                            std::int64_t tokens) {
  std::string chosen = "chose";
  const auto say = [&](const char* name, const auto& value) {
    chosen += std::string(" --") + name + " " + JsonValue(value).dump();
  };
  say("layers", recipe.layers);
  say("channels", recipe.channels);
  if (!named.has(Setting::context)) say("context", recipe.context);
  if (!named.has(Setting::batch)) say("batch", recipe.batch);
  if (!named.has(Setting::dropout)) say("dropout", recipe.dropout);
  if (!named.has(Setting::weight_decay)) say("weight-decay", recipe.weight_decay);
  if (!named.has(Setting::precision)) chosen += std::string(" --precision ") + to_string(settings.precision.value());
  if (recipe.most_epochs) say("epochs", *recipe.most_epochs);
  return chosen + " for " + short_text(static_cast<double>(tokens), 3) + " tokens, of which the time allows about " +
         short_text(recipe.epochs, 2) + " epochs" + (recipe.most_epochs ? "; more would learn them by heart" : "");
}

}  // namespace lm
