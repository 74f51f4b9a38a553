#include "train/trainer.h"

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <memory>
#include <vector>

#include "base/error.h"
#include "support/test_data.h"
#include "support/tiny_model.h"
#include "train/state_file.h"

namespace {

using namespace lm;

/// Batches drawn by position; of no sequences, if asked to.
class RandomSource : public BatchSource {
 public:
  RandomSource(std::int64_t vocab_size, std::int64_t length) : vocab_size_(vocab_size), length_(length) {}
  void next(Batch& batch, std::int64_t sequences) override {
    if (empty) return begin_batch(batch, length_);
    batch = test::random_batch(sequences, length_, vocab_size_,
                               fixed ? 1 : static_cast<std::uint64_t>(100 + position_.objectives.front().index));
    if (fixed) {
      batch.weight.assign(batch.weight.size(), 1.0f);
      // Sequences that begin alike but continue differently could not be distinguished.
      for (std::int64_t s = 0; s < sequences; ++s)
        batch.input[static_cast<std::size_t>(s * length_)] = static_cast<TokenId>(s);
    }
    position_.objectives.front().index += sequences;
  }
  SourcePosition position() const override { return position_; }
  void count(SourceCounts&) const override {}
  void seek(const SourcePosition& position) override { position_ = position; }
  bool fixed = false;
  bool empty = false;

 private:
  std::int64_t vocab_size_;
  std::int64_t length_;
  SourcePosition position_;
};

class Watcher : public TrainObserver {
 public:
  void on_step(const StepReport& report) override {
    losses.push_back(report.loss);
    rates.push_back(report.learning_rate);
    if (report.validation_loss) validations.push_back(*report.validation_loss);
    if (after_step) after_step(report);
  }
  RunRequests requests() override {
    return {.stop = stop_after > 0 && static_cast<std::int64_t>(losses.size()) >= stop_after};
  }
  void maybe_save(const RunRequests&) override {}
  double now() override { return clock += tick; }

  std::vector<double> losses, rates, validations;
  std::function<void(const StepReport&)> after_step;
  std::int64_t stop_after = 0;
  double clock = 0;
  double tick = 0;
};

ModelConfig small_config() {
  ModelConfig config = test::tiny_configs().back().config;
  config.dropout = 0.1;
  return config;
}

TrainerOptions small_options() {
  TrainerOptions options;
  options.batch_sequences = 6;
  options.micro_batch_sequences = 2;
  options.context_length = 8;
  options.total_steps = 20;
  options.schedule = {.kind = ScheduleKind::wsd, .learning_rate = 3e-3, .warmup_steps = 3};
  options.optimizer.kind = OptimizerKind::adamw;
  options.seed = 5;
  return options;
}

struct Run {
  Run(int threads, const TrainerOptions& options, const ModelConfig& config = small_config())
      : compute(threads, best_simd_tier()),
        source(config.vocab_size, options.context_length),
        trainer(compute, config, options, source, nullptr) {}
  void start() {
    initialise(compute, trainer.weights(), 5);
    trainer.begin();
  }
  Compute compute;
  RandomSource source;
  Watcher watcher;
  Trainer trainer;
};

bool same(TensorView<float> a, TensorView<float> b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), static_cast<std::size_t>(a.size()) * sizeof(float)) == 0;
}
bool same(const Parameters<float>& a, const Parameters<float>& b) { return same(a.flat(), b.flat()); }

}  // namespace

TEST_CASE("twenty steps equal ten, a saved state, and ten more, bit by bit") {
  test::TemporaryFolder folder;
  struct Case {
    OptimizerKind optimizer;
    double average;
  };
  for (const auto [optimizer, average] :
       {Case{OptimizerKind::adamw, 0.0}, {OptimizerKind::adamw, 0.9}, {OptimizerKind::muon, 0.0}}) {
    TrainerOptions options = small_options();
    options.average_decay = average;
    options.optimizer.kind = optimizer;
    Run whole(2, options);
    whole.start();
    CHECK(whole.trainer.run(whole.watcher) == StopReason::budget);

    Run first(1, options);
    first.start();
    first.watcher.stop_after = 10;
    CHECK(first.trainer.run(first.watcher) == StopReason::interrupted);
    save_state(folder.path("state"), {.config = small_config(), .objective = "causal", .settings = "{}", .state = {}},
               first.trainer);

    Run second(3, options);
    const StateFile state = StateFile::open(folder.path("state"));
    CHECK(state.record().config == small_config());
    state.load_into(second.trainer);
    CHECK(second.trainer.run(second.watcher) == StopReason::budget);
    CHECK(second.watcher.losses.size() == 10);
    CHECK(same(whole.trainer.weights(), second.trainer.weights()));
    CHECK(same(whole.trainer.moment(Moment::first).flat(), second.trainer.moment(Moment::first).flat()));
    CHECK(same(whole.trainer.moment(Moment::second).flat(), second.trainer.moment(Moment::second).flat()));
    CHECK(same(whole.trainer.result(), second.trainer.result()));
    CHECK(!same(first.trainer.weights(), second.trainer.weights()));
    if (average > 0) CHECK(!same(whole.trainer.result(), whole.trainer.weights()));
  }
}

TEST_CASE("one batch can be learned by heart") {
  std::vector<std::pair<test::NamedConfig, OptimizerKind>> cases;
  for (const test::NamedConfig& named : test::tiny_configs()) {
    cases.emplace_back(named, OptimizerKind::adamw);
    cases.emplace_back(named, OptimizerKind::muon);
  }
  for (const auto& [named, optimizer] : cases) {
    CAPTURE(named.name);
    CAPTURE(static_cast<int>(optimizer));
    TrainerOptions options = small_options();
    options.optimizer.kind = optimizer;
    options.total_steps = 400;
    options.schedule.learning_rate = 1e-2;
    options.optimizer.weight_decay = 0;
    options.batch_sequences = options.micro_batch_sequences = 3;
    ModelConfig config = named.config;
    config.channels = config.family == Family::gpt2 ? 36 : 32;
    if (config.family == Family::gpt2) config.head_dim = 12;
    config.ffn_dim = 64;
    Run run(2, options, config);
    run.source.fixed = true;
    run.start();
    run.trainer.run(run.watcher);
    CHECK(run.watcher.losses.front() > 2.5);
    CHECK(run.watcher.losses.back() < 0.05);
  }
}

TEST_CASE("Muon moves the matrices of the layers to orthogonal ones, and AdamW the rest") {
  for (const test::NamedConfig& named : test::tiny_configs()) {
    CAPTURE(named.name);
    Compute compute(2, best_simd_tier());
    const OptimizerOptions options{.kind = OptimizerKind::muon, .weight_decay = 0.1};
    Optimizer muon_optimizer(named.config, options),
        adamw_optimizer(named.config, {.kind = OptimizerKind::adamw, .weight_decay = 0.1});
    Parameters<float> by_muon(named.config), by_adamw(named.config), gradients(named.config), start(named.config);
    for (Parameters<float>* weights : {&by_muon, &by_adamw, &start}) initialise(compute, *weights, 1);
    test::randomise(gradients, 2, 0.1);
    muon_optimizer.step(compute, by_muon, gradients, 0.01, 0.5);
    adamw_optimizer.step(compute, by_adamw, gradients, 0.01, 0.5);
    for (const TensorSpec& spec : start.tensors()) {
      CAPTURE(spec.name);
      const float *muon_values = by_muon.view(spec).data(), *adamw_values = by_adamw.view(spec).data();
      const bool equal = std::equal(muon_values, muon_values + spec.size(), adamw_values);
      CHECK(equal == !spec.in_layer_matrices());
      if (!spec.in_layer_matrices()) continue;
      // Each stacked matrix by itself: (w0 - w) / (0.01 * 0.2 sqrt(max)) is what orthogonalising its gradient gives.
      const std::int64_t rows = spec.matrix_rows.front();  // of equal height here
      const double reach = 0.2 * std::sqrt(static_cast<double>(std::max(rows, spec.columns)));
      for (std::int64_t first = 0; first < spec.rows; first += rows) {
        std::vector<float> direction(static_cast<std::size_t>(rows * spec.columns));
        TensorView<float> expected(direction.data(), rows, spec.columns);
        orthogonalise<float>(compute, expected, gradients.view(spec).rows(first, rows));
        double farthest = 0;
        for (std::int64_t i = 0; i < rows * spec.columns; ++i) {
          const float before = start.view(spec).row(first)[i], after = by_muon.view(spec).row(first)[i];
          const double moved = static_cast<double>(before) * (1 - 0.001) - static_cast<double>(after);
          farthest = std::max(farthest, std::abs(moved / (0.01 * reach) - static_cast<double>(expected.data()[i])));
        }
        CHECK(farthest < 1e-2);  // float's digits of small singular values
      }
    }
  }
}

TEST_CASE("the loss's denominator is the whole step's, so micro-batches only change rounding") {
  TrainerOptions options = small_options();
  options.total_steps = 5;
  ModelConfig config = small_config();
  config.dropout = 0;  // masks are drawn for each pass
  std::vector<double> reference;
  for (const std::int64_t size : {1, 2, 4, 6}) {
    options.micro_batch_sequences = size;
    Run run(1, options, config);
    run.start();
    run.trainer.run(run.watcher);
    if (reference.empty()) reference = run.watcher.losses;
    for (std::size_t i = 0; i < reference.size(); ++i)
      CHECK(run.watcher.losses[i] == doctest::Approx(reference[i]).epsilon(1e-5));
  }
}

TEST_CASE("gradients of micro-batches are summed in a balanced tree") {
  const ModelConfig config = small_config();
  Compute compute(1, best_simd_tier());
  for (std::int64_t count = 1; count <= 9; ++count) {
    GradientSum sum(config, count);
    // Values whose sum in float depends on the order: ((a + b) + (c + d)) + ...
    std::vector<float> values;
    for (std::int64_t i = 0; i < count; ++i)
      values.push_back(1.0f / static_cast<float>(3 * i + 1) * (i % 2 == 0 ? 1e4f : 1e-3f));
    for (std::size_t i = 0; i < values.size(); ++i) {
      sum.next(compute).flat()[0] = values[i];
      if (i + 1 < values.size()) sum.done(compute);
    }
    const std::int64_t size = sum.sum().flat().size();
    sum.fold(compute, 1, size);
    sum.fold(compute, 0, 1);
    const std::function<float(std::size_t, std::size_t)> tree = [&](std::size_t first, std::size_t size) -> float {
      if (size == 1) return values[first];
      std::size_t half = 1;
      while (half * 2 < size) half *= 2;
      return tree(first, half) + tree(first + half, size - half);
    };
    CAPTURE(count);
    CHECK(sum.finish().flat()[0] == tree(0, values.size()));
    CHECK(GradientSum::arenas(count) <=
          1 + static_cast<std::int64_t>(std::ceil(std::log2(static_cast<double>(count)))) + (count > 1 ? 1 : 0));
  }
}

TEST_CASE("a loss that is not finite stops the run, or its step is skipped") {
  TrainerOptions options = small_options();
  options.schedule.learning_rate = 1e30;
  options.schedule.warmup_steps = 0;
  Run run(1, options);
  run.start();
  CHECK_THROWS_AS(run.trainer.run(run.watcher), Error);

  options.on_non_finite = OnNonFinite::skip;
  options.schedule.learning_rate = 1e-3;
  Run skipping(1, options);
  skipping.start();
  skipping.watcher.after_step = [&](const StepReport& report) {
    float& gain = skipping.trainer.weights().final_norm.gain[0];
    gain = report.step == 4 ? std::numeric_limits<float>::infinity() : report.step == 5 ? 1.0f : gain;
    CHECK(report.skipped == (report.step == 5));
  };
  CHECK(skipping.trainer.run(skipping.watcher) == StopReason::budget);
  CHECK(skipping.trainer.state().skipped_steps == 1);
  skipping.trainer.weights().final_norm.gain[0] = std::numeric_limits<float>::infinity();
  test::TemporaryFolder folder;
  CHECK_THROWS_AS(
      save_state(folder.path("s"), {.config = small_config(), .objective = "causal", .settings = "{}", .state = {}},
                 skipping.trainer),
      Error);
}

TEST_CASE("no state is written if a moment is not finite") {
  Run run(1, small_options());
  run.start();
  run.trainer.run(run.watcher);
  run.trainer.moment(Moment::second).flat()[0] = std::numeric_limits<float>::infinity();
  CHECK_THROWS_AS(run.trainer.check_finite(), Error);
}

TEST_CASE("a budget in time fixes the number of steps once, and that number repeats the run") {
  TrainerOptions options = small_options();
  options.total_steps.reset();
  options.seconds = 100.0;
  for (const ScheduleKind kind : {ScheduleKind::wsd, ScheduleKind::cosine, ScheduleKind::linear, ScheduleKind::constant}) {
    CAPTURE(to_string(kind));
    options.schedule.kind = kind;
    options.schedule.hold_steps = 0;
    Run timed(1, options);
    timed.start();
    timed.watcher.tick = 2.5;
    CHECK(timed.trainer.run(timed.watcher) == StopReason::budget);
    const auto steps = static_cast<std::int64_t>(timed.watcher.losses.size());
    CHECK(steps >= 38);
    CHECK(steps <= 41);
    TrainerOptions counted = options;
    counted.seconds.reset();
    counted.total_steps = steps;
    counted.schedule.hold_steps = timed.trainer.state().hold_steps;
    Run repeated(1, counted);
    repeated.start();
    repeated.trainer.run(repeated.watcher);
    CHECK(repeated.watcher.rates == timed.watcher.rates);
    CHECK(same(repeated.trainer.weights(), timed.trainer.weights()));
  }
}

TEST_CASE("a budget in time that is never reached does not change the rates of another budget") {
  for (const ScheduleKind kind : {ScheduleKind::wsd, ScheduleKind::cosine, ScheduleKind::linear}) {
    CAPTURE(to_string(kind));
    TrainerOptions options = small_options();
    options.schedule.kind = kind;
    Run counted(1, options);
    counted.start();
    counted.trainer.run(counted.watcher);
    options.seconds = 100.0;
    Run timed(1, options);
    timed.start();
    timed.watcher.tick = 2.5;
    timed.trainer.run(timed.watcher);
    CHECK(timed.watcher.rates == counted.watcher.rates);
  }
}

TEST_CASE("data without a token are refused, as no step can be made") {
  Run run(1, small_options());
  run.start();
  run.source.empty = true;
  CHECK_THROWS_AS(run.trainer.run(run.watcher), Error);
}

TEST_CASE("a run whose time is over takes no further step") {
  TrainerOptions options = small_options();
  Run run(1, options);
  run.start();
  run.watcher.tick = 2.5;
  run.trainer.run(run.watcher);
  const TrainState state = run.trainer.state();
  options.total_steps.reset();
  options.seconds = 30.0;
  Run shorter(1, options);
  shorter.start();
  shorter.trainer.restore(state);
  CHECK(shorter.trainer.run(shorter.watcher) == StopReason::budget);
  CHECK(shorter.watcher.losses.empty());
}

TEST_CASE("the estimate of scratch is what a run asks for, with each optimizer") {
  ModelConfig config = small_config();
  config.channels = 96;  // Muon's products then have several tiles
  for (const OptimizerKind optimizer : {OptimizerKind::adamw, OptimizerKind::muon}) {
    TrainerOptions options = small_options();
    options.optimizer.kind = optimizer;
    options.total_steps = 2;
    Run run(2, options, config);
    run.start();
    run.trainer.run(run.watcher);
    const ScratchSize asked = run.compute.scratch_asked();
    CHECK(Trainer::memory(config, options, run.compute.simd(), 2).scratch == 2 * asked.worker + asked.shared);
  }
}

TEST_CASE("the estimate of memory is what the trainer allocates") {
  TrainerOptions options = small_options();
  ModelConfig config = small_config();
  config.channels = 64;
  config.ffn_dim = 128;
  const Trainer::Memory memory = Trainer::memory(config, options, SimdTier::portable, 2);
  const Parameters<float> parameters(config);
  CHECK(memory.weights == Arena<float>::bytes(parameters.flat().size()));
  CHECK(memory.moments == 2 * Arena<float>::bytes(parameter_count(config)));
  options.optimizer.kind = OptimizerKind::muon;
  Optimizer optimizer(config, options.optimizer);
  CHECK(Trainer::memory(config, options, SimdTier::portable, 2).moments ==
        Arena<float>::bytes(optimizer.moment(Moment::first).flat().size()) +
            Arena<float>::bytes(optimizer.moment(Moment::second).flat().size()));
  CHECK(memory.gradients == 3 * memory.weights);  // three micro-batches: two levels and the one in work
}
