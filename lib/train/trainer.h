// Trainer: the loop of training steps, over token ids only. The observer is its clock, shows what is done, and saves.
//
// One step:
//
//   1. BatchSource::draw() makes the examples of batch_sequences windows; if there is none, the run ends.
//   2. learning_rate_at() gives the rate. A batch without any target leaves the weights as they are: 7 follows.
//   3. Transformer::weights_changed() rounds the weights for 16-bit products.
//   4. For each micro-batch: GradientSum::next() gives a zeroed arena, forward() and backward() add the gradients of its
//      part of the batch's mean loss, GradientSum::done() puts them into the tree.
//   5. GradientSum::finish() returns the sum. If the loss or the gradient's norm is not finite, OnNonFinite decides.
//   6. Optimizer::step() updates the weights, with the gradient scaled down to the norm `clip`; the moving average follows.
//   7. If validation is due, Validator::evaluate() judges the average or the weights; the best are copied.
//   8. The observer: on_step(), requests(), and maybe_save() if the run continues.
//
// Several ranks share a step: each has a run of the micro-batches, a subtree of the sum. Then 1 makes the rank's own examples, 4
// computes its own micro-batches, 5 is RankSum's, which leaves each rank the sum of its shard, and 6 updates the shard, after
// which every rank gets all weights. All else is the same on every rank, so that each knows what all decide.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/choice.h"
#include "kernels/compute.h"
#include "model/activations.h"
#include "model/parameters.h"
#include "model/transformer.h"
#include "train/background_sum.h"
#include "train/batch_source.h"
#include "train/gradient_sum.h"
#include "train/moment_desk.h"
#include "train/noise_scale.h"
#include "train/optimizer.h"
#include "train/rank_sum.h"
#include "train/ranks/ranks.h"
#include "train/schedule.h"
#include "train/validator.h"

namespace lm {

/// Which weights the model gets: the last step's, or those of the best validation.
enum class KeepWeights { last, best };
template <>
inline constexpr auto kChoices<KeepWeights> = choice_table<KeepWeights>("choice of weights", {{"last", KeepWeights::last},
                                                                                              {"best", KeepWeights::best}});
/// What happens if a step's loss or gradient is not finite: the run ends, or the weights stay as they are.
enum class OnNonFinite { stop, skip };
template <>
inline constexpr auto kChoices<OnNonFinite> = choice_table<OnNonFinite>("treatment of a loss that is not finite",
                                                                        {{"stop", OnNonFinite::stop},
                                                                         {"skip", OnNonFinite::skip}});

struct TrainerOptions {
  std::int64_t batch_sequences = 16;        // sequences a step
  std::int64_t micro_batch_sequences = 16;  // sequences a pass
  std::int64_t context_length = 256;
  int ranks = 1;                            // that share a step
  Precision precision = Precision::fp32;    // of products
  Keep keep_activations = Keep::training;   // or recomputing: the same gradients from less memory
  std::optional<std::int64_t> total_steps;  // budgets in steps, tokens and epochs; empty: only time ends the run
  std::optional<double> seconds;            // budget in time, over all resumes
  ScheduleOptions schedule;
  OptimizerOptions optimizer;
  double clip = 1.0;             // largest norm of the gradient; 0: no clipping
  double average_decay = 0;      // exponential moving average of the weights; 0: none
  std::int64_t valid_every = 0;  // steps between validations; 0: only at the end
  std::int64_t patience = 0;     // validations without a new best after which to stop; 0: never
  KeepWeights keep = KeepWeights::last;
  OnNonFinite on_non_finite = OnNonFinite::stop;
  std::int64_t seed = 0;  // 0 .. 2^53 - 1, which JSON holds exactly
};

/// Returns the micro-batches of a whole step.
std::int64_t micro_batches(const TrainerOptions& options);

/// All that changes from step to step in addition to the arenas; saved whole, so that a resumed run is the same run.
struct TrainState {
  std::int64_t step = 0;    // steps done
  std::int64_t tokens = 0;  // targets that counted
  std::int64_t passes = 0;  // forward passes begun, which number the dropout masks
  std::int64_t optimizer_steps = 0;
  std::int64_t skipped_steps = 0;
  SourcePosition position;
  SourceCounts counts;   // what objectives left untransformed
  std::string consumed;  // what BatchSource::consumed() returned there
  double elapsed_seconds = 0;
  std::optional<std::int64_t> total_steps;  // once fixed under a budget in time
  std::int64_t hold_steps = 0;
  double last_loss = 0;                   // nats a target, of the last step
  std::optional<double> last_validation;  // nats a token
  std::optional<double> last_bits_per_byte;
  std::optional<double> best_validation;
  std::int64_t best_step = 0;
  std::int64_t validations_without_best = 0;
  bool validation_pending = false;  // the validation of this step failed
  NoiseAverage noise;
};

/// The loss of one objective of a mixture.
struct ObjectiveLoss {
  std::int64_t number = 0;
  Loss loss;
};

/// What a step reports to the observer.
struct StepReport {
  std::int64_t step = 0;
  std::int64_t tokens = 0;          // total
  std::int64_t step_positions = 0;  // positions computed in this step
  double loss = 0;
  double gradient_norm = 0;
  std::optional<double> noise_scale = std::nullopt;  // targets, of the gradients so far; if the step has two micro-batches
  double learning_rate = 0;
  double elapsed_seconds = 0;
  std::optional<std::int64_t> total_steps = std::nullopt;
  std::optional<double> validation_loss = std::nullopt;
  std::optional<double> validation_bits_per_byte = std::nullopt;
  std::vector<ValidationPart> validation_parts = {};
  std::vector<ObjectiveLoss> objectives = {};  // of those in the step's batch
  bool skipped = false;
};

/// Why a run ended; `interrupted` if the observer asked for it.
enum class StopReason { budget, patience, end_of_data, interrupted };

/// What somebody outside asks of a run, as by signals.
struct RunRequests {
  int stop = 0;  // any number except 0 asks to stop: that of the signal
  bool save = false;
};

/// What a trainer calls during a run.
class TrainObserver {
 public:
  virtual ~TrainObserver() = default;
  /// Gets the report of each step that was done.
  virtual void on_step(const StepReport& report) = 0;
  /// Gets the last step's report again, with the validation of its weights, if the next step finds that the data has ended.
  virtual void on_last_validation(const StepReport&) {}
  /// Returns, after every step, what was asked since the last one; a request to stop ends the run there.
  virtual RunRequests requests() = 0;
  /// Is called after every step with these requests; saves the trainer if one of them or the time says so.
  virtual void maybe_save(const RunRequests& requests) = 0;
  /// Returns the seconds of a monotonic clock.
  virtual double now() = 0;
};

class Trainer {
 public:
  /// Weights are `initial`, or zero until initialised or loaded. `validator` may be null, and `ranks` too: one process. Ranks are
  /// a power of two, and so are the micro-batches of each.
  Trainer(Compute& compute, const ModelConfig& config, const TrainerOptions& options, BatchSource& source,
          Validator* validator, std::optional<Parameters<float>> initial = {}, Ranks* ranks = nullptr);

  /// The bytes that a trainer takes, by part, as each part states them.
  struct Memory {
    std::int64_t weights = 0, rounded = 0, gradients = 0, moments = 0, averages = 0, activations = 0;
    std::int64_t batches = 0;   // tokens, targets and losses of a step
    std::int64_t scratch = 0;   // of kernels, by thread
    std::int64_t messages = 0;  // on their way between ranks
    std::int64_t total() const {
      return weights + rounded + gradients + moments + averages + activations + batches + scratch + messages;
    }
  };
  static Memory memory(const ModelConfig& config, const TrainerOptions& options, SimdTier tier, int threads);

  /// Runs until a budget, patience or the data ends, or the observer stops it. Throws Error if the loss or the gradient is
  /// not finite, with OnNonFinite::stop; the weights are then still those before the step.
  StopReason run(TrainObserver& observer);

  /// Returns false if run() threw inside a step: state() is then neither that before the step nor that after it.
  bool step_is_whole() const { return !inside_step_; }
  /// Returns true if run() threw because of the data, which all ranks then did.
  bool failed_at_data() const { return drawing_; }

  /// Returns the weights that the model gets: the best, the average, or the last.
  const Parameters<float>& result() const;
  /// Throws Error if a weight, moment or average is not finite; `moments` is whether those of all ranks are.
  void check_finite(bool moments) const;
  /// The same for the moments of this rank.
  void check_finite() const { check_finite(moments_finite()); }
  bool moments_finite() const;

  Trainer(const Trainer&) = delete;
  Trainer& operator=(const Trainer&) = delete;

  // What a state holds. Average and best are empty unless the options ask for them.
  const TrainState& state() const { return state_; }
  /// Takes over the state of a saved run and moves the source to its position; weights, moments, average and best are for
  /// the caller to fill. Throws Error if the source is a stream that differs from what the run had read.
  void restore(const TrainState& state);
  /// Lets a budget in time that has changed fix the total again.
  void forget_fixed_total() { state_.total_steps.reset(); }
  Parameters<float>& weights() { return weights_; }
  const Parameters<float>& weights() const { return weights_; }
  /// Returns the rank's shard of a moment.
  MomentShard& moment(Moment which) { return optimizer_.moment(which); }
  const Optimizer& optimizer() const { return optimizer_; }
  std::optional<Parameters<float>>& average() { return average_; }
  std::optional<Parameters<float>>& best() { return best_; }
  /// Where rank 0 gets the moments of others, which follow it until it releases them.
  MomentDesk& moment_desk() { return desk_; }
  void follow() {
    desk_.follow([this] { return moments_finite(); });
  }
  void release() { desk_.release(); }
  Ranks& ranks() const { return ranks_; }
  /// Returns how long the sums over ranks have taken, and how much of that the steps have waited; null in one process.
  const BackgroundSum* background() const { return background_.get(); }

  /// Starts average and best from the weights, after those were initialised or loaded for a new run.
  void begin();

 private:
  /// What all ranks know of the sequences of a step.
  struct Drawn {
    std::int64_t sequences = 0;
    double weight = 0;  // the sum of all weights
    SourceCounts counts;
  };
  struct StepResult {
    Loss loss;
    std::vector<ObjectiveLoss> objectives;
    double gradient_norm = 0;
    std::optional<double> noise_scale;
    double learning_rate = 0;
    bool skipped = false;
  };
  std::optional<std::int64_t> total_steps() const;
  bool budget_reached() const;
  void fix_total(bool late);
  void check_learned() const;
  bool patience_ended() const;
  std::int64_t passes_per_rank() const { return micro_batches(options_) / ranks_.size(); }
  SequenceRange sequences_of(int rank, std::int64_t sequences) const;
  Drawn draw();
  Drawn share_drawn(std::int64_t sequences);
  StepResult take_step(const Drawn& drawn);
  const Parameters<float>& accumulate_gradients(const Drawn& drawn, StepResult& result);
  Loss pass(const Batch& part, std::int64_t number, double scale, const GradientWatch& complete);
  void add_complete(std::int64_t begin, std::int64_t end, StepPlan plan);
  void last_pass(const Batch& part, std::int64_t number, double scale, StepPlan plan);
  const Batch& micro_batch(std::int64_t number);
  void keep_loss(const Batch& part, const Loss& loss);
  void share_losses(std::int64_t passes, StepResult& result);
  void apply_update(const Parameters<float>& gradients, double gradient_scale, double learning_rate);
  bool validation_due(bool last) const;
  void validate(StepReport& report);

  Compute& compute_;
  TrainerOptions options_;
  OneRank one_rank_;
  Ranks& ranks_;
  BatchSource& source_;
  Validator* validator_;
  Parameters<float> weights_;
  Optimizer optimizer_;
  MomentDesk desk_;
  RankSum rank_sum_;
  std::unique_ptr<BackgroundSum> background_;  // of several ranks
  GradientSum gradients_;
  std::optional<Parameters<float>> average_, best_;
  Activations<float> activations_;
  Transformer<float> transformer_;
  TrainState state_;
  bool inside_step_ = false, drawing_ = false;
  Batch batch_, micro_batch_;          // the rank's own sequences
  std::vector<double> losses_;         // of the rank's micro-batches, as keep_loss() lays them out
  GradientSquares squares_;            // of the micro-batch that is computed
  std::vector<MicroBatchNorm> norms_;  // of the step's micro-batches
};

}  // namespace lm
