#include "tasks/train/agreement.h"

#include <cmath>

#include "base/file_hash.h"
#include "base/hash.h"
#include "kernels/compute.h"
#include "model/config.h"
#include "tasks/train/settings_record.h"

namespace lm {

namespace {

/// Returns the hash of what the math library's functions return, which differs between releases, and between processors for which
/// a release has several versions.
std::string math_results() {
  constexpr int kArguments = 4096;
  Hasher hasher;
  for (int i = 1; i <= kArguments; ++i) {
    const double x = i / 97.0;
    for (const double result :
         {std::exp(-x), std::log(x), std::sin(x), std::cos(x), std::pow(0.95, x), std::pow(1e4, -1 / x)})
      hasher.update(&result, sizeof(result));
  }
  return to_hex(hasher.digest128());
}

template <class T>
JsonValue or_null(const std::optional<T>& value) {
  return value ? JsonValue(*value) : JsonValue();
}

JsonValue budget_to_json(const TrainPlan& plan) {
  const TrainBudget& budget = plan.budget;
  JsonValue json;
  json.set("steps", or_null(budget.steps)).set("tokens", or_null(budget.tokens)).set("epochs", or_null(budget.epochs));
  json.set("time", or_null(budget.seconds)).set("epochs of the recipe", or_null(budget.recipe_epochs));
  json.set("steps in all", or_null(plan.trainer.total_steps));
  return json;
}

}  // namespace

RankFacts facts_of_process() {
  return {{"a program", to_hex(hash_of_file("/proc/self/exe"))}, {"a math library", math_results()}};
}

RankFacts facts_of_tier(SimdTier tier, const RecordedRun* recorded) {
  RankFacts facts = {{"a SIMD tier", to_string(tier)}};
  if (const std::string blas = blas_identity(tier); !blas.empty()) facts.emplace_back("an OpenBLAS", blas);
  if (recorded != nullptr) {
    facts.emplace_back("a state to resume", "step " + std::to_string(recorded->file.record().state.step) + ", checksum " +
                                                recorded->file.checksum());
  }
  return facts;
}

RankFacts facts_of(const TrainPlan& plan, const TrainInputs& inputs) {
  RankFacts facts = {{"training data", data_identity(inputs)}, {"held-out data", valid_identity(inputs)}};
  add_members(facts, "a model's", config_to_json(plan.config));
  add_members(facts, "a setting", settings_to_json(plan.settings));
  add_members(facts, "a budget's", budget_to_json(plan));
  facts.emplace_back("a setting 'valid-every'", std::to_string(plan.trainer.valid_every));
  return facts;
}

RankFacts facts_of_weights(Trainer& trainer) {
  const auto hash = [](const Parameters<float>& weights) {
    return hash_of_numbers({weights.flat().data(), static_cast<std::size_t>(weights.flat().size())});
  };
  RankFacts facts = {{"a model to begin with", hash(trainer.weights())}};
  if (trainer.average()) facts.emplace_back("an average to begin with", hash(*trainer.average()));
  if (trainer.best()) facts.emplace_back("a best model to begin with", hash(*trainer.best()));
  return facts;
}

}  // namespace lm
