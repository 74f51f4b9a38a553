// Whether all ranks are about to make the same run: another program, machine, option or file among them would spoil it unseen.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "tasks/train/plan.h"
#include "tasks/train/rank_facts.h"
#include "train/trainer.h"

namespace lm {

/// Returns what decides the bits that a process computes, whatever it is asked for: its program, and the results of the math
/// library's functions.
RankFacts facts_of_process();

/// The same of a run's SIMD tier, with the library that computes its products, and of the state that it resumes, if that is not
/// null.
RankFacts facts_of_tier(SimdTier tier, const RecordedRun* recorded);

/// Returns what a planned run depends on.
RankFacts facts_of(const TrainPlan& plan, const TrainInputs& inputs);

/// Returns what a run begins with: hashes of the weights, and of their average if there is one.
RankFacts facts_of_weights(Trainer& trainer);

}  // namespace lm
