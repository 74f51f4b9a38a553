#include "tasks/train/agreement.h"

#include <algorithm>

#include "base/error.h"
#include "base/hash.h"
#include "model/config.h"
#include "tasks/train/settings_record.h"

namespace lm {

namespace {

constexpr std::size_t kShown = 40;  // characters of a value that a message shows

/// A value, as it is compared: its hash, and its beginning for messages.
struct FactDigest {
  Fingerprint hash;
  char beginning[kShown];
};

FactDigest digest(const std::string& value) {
  Hasher hasher;
  hasher.update(value.data(), value.size());
  FactDigest digest{.hash = hasher.digest128(), .beginning = {}};
  std::copy_n(value.begin(), std::min(value.size(), kShown - 1), digest.beginning);
  return digest;
}

}  // namespace

void require_same_facts(Ranks& ranks, const RankFacts& facts) {
  for (const auto& [name, value] : facts) {
    const std::vector<FactDigest> all = from_all(ranks, digest(value));
    for (std::size_t rank = 1; rank < all.size(); ++rank) {
      if (all[rank].hash == all.front().hash) continue;
      throw Error("rank " + std::to_string(rank) + " has " + name + " that differs from rank 0's ('" + all[rank].beginning +
                  "' and '" + all.front().beginning + "'); all ranks must make the same run");
    }
  }
}

RankFacts facts_of(const TrainPlan& plan, const TrainInputs& inputs, SimdTier tier, const RecordedRun* recorded) {
  RankFacts facts = {{"a SIMD tier", to_string(tier)},
                     {"a tokenizer", to_hex(inputs.tokenizer.fingerprint())},
                     {"training data", data_identity(inputs)},
                     {"held-out data", valid_identity(inputs)},
                     {"a model's shape", config_to_json(plan.config).dump()},
                     {"settings", settings_to_json(plan.settings).dump()}};
  const TrainBudget& budget = plan.budget;
  std::string limits;
  for (const auto& limit : {budget.steps, budget.tokens, budget.epochs, budget.recipe_epochs, plan.trainer.total_steps})
    limits += limit ? std::to_string(*limit) + " " : "- ";
  facts.emplace_back("a budget", limits + (budget.seconds ? std::to_string(*budget.seconds) : "-"));
  if (recorded != nullptr) {
    const TrainState& state = recorded->file.record().state;
    facts.emplace_back("a state to resume",
                       "of step " + std::to_string(state.step) + ": " + recorded->file.record().settings);
  }
  return facts;
}

}  // namespace lm
