#include "train/noise_scale.h"

#include <doctest/doctest.h>

#include <cmath>
#include <random>
#include <vector>

#include "support/test_data.h"
#include "support/tiny_model.h"
#include "train/state_file.h"
#include "train/trainer.h"

namespace {

using namespace lm;

double squares_of(const std::vector<double>& x) {
  double sum = 0;
  for (const double value : x) sum += value * value;
  return sum;
}

/// Steps whose gradients are drawn from a normal distribution of known mean and covariance.
class DrawnSteps {
 public:
  explicit DrawnSteps(std::vector<double> weights) : weights_(std::move(weights)) {
    for (int i = 0; i < 40; ++i) {
      mean_.push_back(0.1 * std::cos(i));
      deviation_.push_back(1.0 + 0.5 * std::sin(i));
    }
  }
  double signal() const { return squares_of(mean_); }
  double noise() const { return squares_of(deviation_); }

  std::optional<NoiseEstimate> next() {
    double total = 0;
    for (const double weight : weights_) total += weight;
    std::vector<double> sum(mean_.size());
    std::vector<MicroBatchNorm> norms;
    for (const double weight : weights_) {
      std::vector<double> part(mean_.size());
      for (std::size_t i = 0; i < part.size() && weight > 0; ++i) {
        part[i] = weight / total * (mean_[i] + deviation_[i] / std::sqrt(weight) * normal_(random_));
        sum[i] += part[i];
      }
      norms.push_back({.squares = squares_of(part), .weight = weight});
    }
    return estimate_noise(norms, squares_of(sum));
  }

 private:
  std::vector<double> weights_, mean_, deviation_;
  std::mt19937_64 random_{7};
  std::normal_distribution<double> normal_;
};

/// Batches drawn by position, in which some targets have no weight.
class SteadySource : public BatchSource {
 public:
  explicit SteadySource(std::int64_t vocab_size) : vocab_size_(vocab_size) {}
  void next(Batch& batch, std::int64_t sequences) override {
    batch =
        test::random_batch(sequences, 8, vocab_size_, static_cast<std::uint64_t>(40 + position_.objectives.front().index));
    position_.objectives.front().index += sequences;
  }
  SourcePosition position() const override { return position_; }
  void count(SourceCounts&) const override {}
  void seek(const SourcePosition& position) override { position_ = position; }

 private:
  std::int64_t vocab_size_;
  SourcePosition position_;
};

class LastReport : public TrainObserver {
 public:
  void on_step(const StepReport& step) override { report = step; }
  RunRequests requests() override { return {.stop = report.step == stop_after}; }
  void maybe_save(const RunRequests&) override {}
  double now() override { return 0; }
  StepReport report;
  std::int64_t stop_after = -1;
};

ModelConfig plain_config() {
  ModelConfig config = test::tiny_configs().back().config;
  config.dropout = 0;
  return config;
}

TrainerOptions steady_options(std::int64_t steps) {
  TrainerOptions options;
  options.batch_sequences = 7;
  options.micro_batch_sequences = 2;
  options.context_length = 8;
  options.total_steps = steps;
  options.schedule = {.kind = ScheduleKind::constant, .learning_rate = 1e-3};
  return options;
}

struct Training {
  Training(int threads, const TrainerOptions& options)
      : compute(threads, best_simd_tier()),
        source(plain_config().vocab_size),
        trainer(compute, plain_config(), options, source, nullptr) {
    initialise(compute, trainer.weights(), 5);
    trainer.begin();
  }
  Compute compute;
  SteadySource source;
  LastReport observer;
  Trainer trainer;
};

}  // namespace

TEST_CASE("estimates of noise and signal are those of a known distribution, for equal and for unequal micro-batches") {
  for (const std::vector<double>& weights :
       {std::vector<double>{20, 20}, {20, 20, 20, 20, 20, 20, 20, 20}, {40, 10, 25, 3}, {30, 0, 30, 12}}) {
    CAPTURE(weights.size());
    DrawnSteps steps(weights);
    NoiseEstimate mean;
    constexpr int kSteps = 20000;
    for (int i = 0; i < kSteps; ++i) {
      const std::optional<NoiseEstimate> estimate = steps.next();
      REQUIRE(estimate);
      mean.noise += estimate->noise / kSteps;
      mean.signal += estimate->signal / kSteps;
    }
    // Four standard errors: of one step's noise about noise * sqrt(2 / 40), of its signal at most 1.4.
    CHECK(mean.noise == doctest::Approx(steps.noise()).epsilon(4 * std::sqrt(2.0 / 40 / kSteps)));
    CHECK(std::abs(mean.signal - steps.signal()) < 4 * 1.4 / std::sqrt(kSteps));
  }
}

TEST_CASE("with equal micro-batches the estimates are those of arXiv:1812.06162, A.1") {
  const std::vector<double> parts = {0.9, 1.4, 0.7, 1.1};  // |g|^2 of mean gradients of 5 targets each
  const double whole = 0.6;                                // of all 20
  std::vector<MicroBatchNorm> norms;
  double mean = 0;
  for (const double part : parts) {
    norms.push_back({.squares = part / 16, .weight = 5});
    mean += part / 4;
  }
  const std::optional<NoiseEstimate> estimate = estimate_noise(norms, whole);
  REQUIRE(estimate);
  CHECK(estimate->signal == doctest::Approx((20 * whole - 5 * mean) / 15));
  CHECK(estimate->noise == doctest::Approx((mean - whole) / (1.0 / 5 - 1.0 / 20)));
}

TEST_CASE("there is no estimate without two micro-batches that have targets, and no noise if they are alike") {
  CHECK(!estimate_noise({}, 1));
  CHECK(!estimate_noise(std::vector<MicroBatchNorm>{{.squares = 1, .weight = 4}}, 1));
  CHECK(!estimate_noise(std::vector<MicroBatchNorm>{{.squares = 1, .weight = 4}, {.squares = 0, .weight = 0}}, 1));
  CHECK(!estimate_noise(std::vector<MicroBatchNorm>{{.squares = INFINITY, .weight = 4}, {.squares = 1, .weight = 4}}, 1));
  const std::optional<NoiseEstimate> alike =
      estimate_noise(std::vector<MicroBatchNorm>{{.squares = 0.25, .weight = 4}, {.squares = 0.25, .weight = 4}}, 1);
  REQUIRE(alike);
  CHECK(alike->noise == doctest::Approx(0));
  CHECK(alike->signal == doctest::Approx(1));
}

TEST_CASE("noise and signal are averaged separately, and the scale is empty until both are positive") {
  NoiseAverage average;
  CHECK(!average.scale());
  average.add({.noise = 30, .signal = -1});
  CHECK(!average.scale());
  average.add({.noise = 50, .signal = 3});
  CHECK(*average.scale() == doctest::Approx(40));
  for (int i = 0; i < 2000; ++i) average.add({.noise = 6, .signal = 2});
  CHECK(*average.scale() == doctest::Approx(3).epsilon(1e-6));
}

TEST_CASE("a trainer's estimate is that of gradients computed one by one") {
  Training training(2, steady_options(1));
  Batch batch, part;
  SteadySource source(plain_config().vocab_size);
  source.next(batch, 7);
  const Parameters<float> weights = [&] {
    Parameters<float> copy(plain_config());
    initialise(training.compute, copy, 5);
    return copy;
  }();
  Activations<float> activations(plain_config(), 2, 8, Keep::training);
  Transformer<float> transformer(training.compute, weights);
  double total_weight = 0;
  for (const float weight : batch.weight) total_weight += static_cast<double>(weight);
  std::vector<MicroBatchNorm> norms;
  std::vector<double> sum;
  for (std::int64_t first = 0; first < 7; first += 2) {
    slice(part, batch, first, std::min<std::int64_t>(2, 7 - first));
    Parameters<float> gradients(plain_config());
    transformer.forward(part, activations);
    const Loss loss = transformer.backward(part, activations, gradients, 1.0 / total_weight);
    const std::vector<double> values(gradients.flat().data(), gradients.flat().data() + gradients.flat().size());
    sum.resize(values.size());
    for (std::size_t i = 0; i < values.size(); ++i) sum[i] += values[i];
    norms.push_back({.squares = squares_of(values), .weight = loss.weight});
  }
  CHECK(norms.size() == 4);
  CHECK(norms.front().weight != norms.back().weight);
  const std::optional<NoiseEstimate> expected = estimate_noise(norms, squares_of(sum));
  training.trainer.run(training.observer);
  const NoiseEstimate& actual = training.trainer.state().noise.mean;
  REQUIRE(expected);
  // Sums of floats against sums of doubles.
  CHECK(actual.noise == doctest::Approx(expected->noise).epsilon(1e-4));
  CHECK(actual.signal == doctest::Approx(expected->signal).epsilon(1e-4));
  CHECK(training.observer.report.noise_scale == training.trainer.state().noise.scale());
}

TEST_CASE("the noise scale is the same for any number of threads, and in a run that was interrupted") {
  const TrainerOptions options = steady_options(12);
  Training whole(1, options);
  whole.trainer.run(whole.observer);
  const NoiseAverage& expected = whole.trainer.state().noise;
  CHECK(expected.steps == 12);
  Training other(3, options);
  other.observer.stop_after = 5;
  other.trainer.run(other.observer);
  CHECK(other.trainer.state().noise.steps == 5);
  test::TemporaryFolder folder;
  save_state(folder.path("state"), {.config = plain_config(), .objective = "causal", .settings = "{}", .state = {}},
             other.trainer);
  Training resumed(2, options);
  StateFile::open(folder.path("state")).load_into(resumed.trainer);
  resumed.trainer.run(resumed.observer);
  const NoiseAverage& actual = resumed.trainer.state().noise;
  CHECK(actual.steps == 12);
  CHECK(actual.mean.noise == expected.mean.noise);
  CHECK(actual.mean.signal == expected.mean.signal);
  CHECK(resumed.observer.report.noise_scale == whole.observer.report.noise_scale);
}

TEST_CASE("a step of one micro-batch reports no noise scale") {
  TrainerOptions options = steady_options(3);
  options.micro_batch_sequences = 7;
  Training training(1, options);
  training.trainer.run(training.observer);
  CHECK(training.trainer.state().noise.steps == 0);
  CHECK(!training.observer.report.noise_scale);
}
