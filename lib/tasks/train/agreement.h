// Whether all ranks are about to make the same run: another program, machine or file among them would spoil it unseen.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "tasks/train/plan.h"
#include "train/ranks/ranks.h"

namespace lm {

/// What must be the same on all ranks: how messages name it, and its value.
using RankFacts = std::vector<std::pair<std::string, std::string>>;

/// Throws Error on every rank if a fact differs, naming the first rank and fact of which it does.
void require_same_facts(Ranks& ranks, const RankFacts& facts);

/// Returns what a planned run depends on.
RankFacts facts_of(const TrainPlan& plan, const TrainInputs& inputs, SimdTier tier, const RecordedRun* recorded);

}  // namespace lm
