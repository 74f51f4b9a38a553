// The parts of a step that several ranks share: which examples each makes, and the sums of losses and gradients.
#include <algorithm>

#include "base/error.h"
#include "base/rng.h"
#include "base/round.h"
#include "train/ranks/together.h"
#include "train/trainer.h"

namespace lm {

/// Returns the part of a rank, if a step has so many sequences.
SequenceRange Trainer::sequences_of(int rank, std::int64_t sequences) const {
  const std::int64_t each = passes_per_rank() * options_.micro_batch_sequences;
  return clip({.first = each * rank, .count = each}, sequences);
}

/// Draws the sequences of a step. What one rank fails at, all ranks fail at.
Trainer::Drawn Trainer::draw() {
  drawing_ = true;
  const SequenceRange own = sequences_of(ranks_.rank(), options_.batch_sequences);
  const std::int64_t sequences = together(ranks_, [&] { return source_.draw(batch_, options_.batch_sequences, own); });
  const Drawn drawn = share_drawn(sequences);
  drawing_ = false;
  return drawn;
}

/// Each rank gives what it counted, and the weights of its sequences, which are added in their order.
Trainer::Drawn Trainer::share_drawn(std::int64_t sequences) {
  const std::int64_t stride = 2 + passes_per_rank() * options_.micro_batch_sequences;
  SourceCounts counts;
  source_.count(counts);
  std::vector<double> facts(static_cast<std::size_t>(stride * ranks_.size()));  // (ranks, stride)
  const auto own = facts.begin() + stride * ranks_.rank();
  own[0] = static_cast<double>(counts.untransformed);
  own[1] = static_cast<double>(counts.token_cuts);
  const std::vector<double> weights = sequence_weights(batch_);
  std::copy(weights.begin(), weights.end(), own + 2);
  ranks_.all_gather(std::as_writable_bytes(std::span(facts)));

  Drawn drawn{.sequences = sequences, .counts = {}};
  std::vector<double> all;
  for (int rank = 0; rank < ranks_.size(); ++rank) {
    const auto of = facts.begin() + stride * rank;
    drawn.counts.untransformed += static_cast<std::int64_t>(of[0]);
    drawn.counts.token_cuts += static_cast<std::int64_t>(of[1]);
    all.insert(all.end(), of + 2, of + 2 + sequences_of(rank, sequences).count);
  }
  for (const double weight : all) drawn.weight += weight;
  source_.watch(all);
  return drawn;
}

/// Returns one of the rank's micro-batches.
const Batch& Trainer::micro_batch(std::int64_t number) {
  const std::int64_t first = number * options_.micro_batch_sequences;
  const std::int64_t count = std::min(options_.micro_batch_sequences, batch_.sequences - first);
  if (count == batch_.sequences) return batch_;
  slice(micro_batch_, batch_, first, count);
  return micro_batch_;
}

/// Computes the gradients of a micro-batch: the `number`-th of the step.
Loss Trainer::pass(const Batch& part, std::int64_t number, double scale, const GradientWatch& complete) {
  const DropoutPlan dropout{.rate = weights_.config().dropout,
                            .key = rng_key(static_cast<std::uint64_t>(options_.seed), RngPurpose::dropout),
                            .pass = static_cast<std::uint64_t>(state_.passes + number)};
  Parameters<float>& gradients = gradients_.next(compute_);
  transformer_.forward(part, activations_, dropout);
  return transformer_.backward(part, activations_, gradients, scale, dropout, complete);
}

/// Adds up the complete elements [begin, end) of the rank's last micro-batch, here and then over the ranks.
void Trainer::add_complete(std::int64_t begin, std::int64_t end, StepPlan plan) {
  gradients_.fold(compute_, begin, end);
  if (background_) background_->add_up(gradients_.sum(), begin, end, plan);
}

/// The same as pass() for the rank's last one of the step: what is complete of the gradients is added up while the layers before
/// it are computed.
void Trainer::last_pass(const Batch& part, std::int64_t number, double scale, StepPlan plan) {
  std::int64_t end = weights_.flat().size();
  const auto add_from = [&](std::int64_t begin) {
    if (plan.micro_batches > 1) squares_.add(compute_, gradients_.current(), begin, end);
    add_complete(begin, end, plan);
    end = begin;
  };
  const auto complete = [&](std::int64_t layer) { add_from(weights_.layer_begin(layer)); };
  const Loss loss = pass(part, number, scale, background_ ? GradientWatch(complete) : GradientWatch());
  add_from(0);
  keep_loss(part, loss);
}

/// Computes the rank's micro-batches, and returns the sum of all gradients; of several ranks, this rank's shard of it.
const Parameters<float>& Trainer::accumulate_gradients(const Drawn& drawn, StepResult& result) {
  const StepPlan plan{.micro_batches = divide_up(drawn.sequences, options_.micro_batch_sequences),
                      .per_rank = passes_per_rank()};
  const std::int64_t own = divide_up(batch_.sequences, options_.micro_batch_sequences);
  const std::int64_t before = plan.per_rank * ranks_.rank();
  const double scale = 1.0 / drawn.weight;
  losses_.clear();
  transformer_.weights_changed();
  for (std::int64_t i = 0; i + 1 < own; ++i) {
    const Batch& part = micro_batch(i);
    const Loss loss = pass(part, before + i, scale, {});
    squares_.add(compute_, gradients_.current(), 0, weights_.flat().size());
    keep_loss(part, loss);
    gradients_.done(compute_);
  }
  if (own > 0) {
    last_pass(micro_batch(own - 1), before + own - 1, scale, plan);
  } else {
    // The step ends before this rank's part of it: it has nothing to add, but a shard of the sum.
    gradients_.next(compute_);
    std::int64_t end = weights_.flat().size();
    for (std::int64_t layer = weights_.config().n_layers; layer >= 0; --layer) {
      const std::int64_t begin = weights_.layer_begin(layer);
      add_complete(begin, end, plan);
      end = begin;
    }
    add_complete(0, end, plan);
  }
  if (background_) background_->wait();
  state_.passes += plan.micro_batches;
  share_losses(plan.micro_batches, result);
  return gradients_.finish();
}

/// Appends a micro-batch's nats, weight and squares, and nats and weight of each objective.
void Trainer::keep_loss(const Batch& part, const Loss& loss) {
  const std::size_t objectives = state_.position.objectives.size(), begin = losses_.size();
  losses_.resize(begin + 3 + 2 * objectives);
  losses_[begin] = loss.nats;
  losses_[begin + 1] = loss.weight;
  losses_[begin + 2] = squares_.take();
  const std::span<const double> row_nats = transformer_.row_nats();
  for (std::size_t row = 0; row < row_nats.size(); ++row) {
    const std::size_t sequence = row / static_cast<std::size_t>(part.length);
    const auto number = part.objective.empty() ? std::size_t{0} : static_cast<std::size_t>(part.objective[sequence]);
    LM_CHECK(number < objectives);
    losses_[begin + 3 + 2 * number] += row_nats[row];
    losses_[begin + 4 + 2 * number] += static_cast<double>(part.weight[row]);
  }
}

/// Adds the losses of all micro-batches, in their order, whichever rank computed them.
void Trainer::share_losses(std::int64_t passes, StepResult& result) {
  const std::size_t objectives = state_.position.objectives.size(), each = 3 + 2 * objectives;
  const auto per_rank = static_cast<std::size_t>(passes_per_rank()) * each;
  std::vector<double> all(per_rank * static_cast<std::size_t>(ranks_.size()));
  std::copy(losses_.begin(), losses_.end(), all.begin() + ranks_.rank() * static_cast<std::ptrdiff_t>(per_rank));
  ranks_.all_gather(std::as_writable_bytes(std::span(all)));
  std::vector<Loss> by_objective(objectives);
  norms_.clear();
  for (std::size_t i = 0; i < static_cast<std::size_t>(passes); ++i) {
    const double* const one = all.data() + i * each;
    result.loss.nats += one[0];
    result.loss.weight += one[1];
    norms_.push_back({.squares = one[2], .weight = one[1]});
    for (std::size_t number = 0; number < objectives; ++number) {
      by_objective[number].nats += one[3 + 2 * number];
      by_objective[number].weight += one[4 + 2 * number];
    }
  }
  for (std::size_t number = 0; number < objectives; ++number) {
    if (by_objective[number].weight > 0)
      result.objectives.push_back({.number = static_cast<std::int64_t>(number), .loss = by_objective[number]});
  }
}

}  // namespace lm
