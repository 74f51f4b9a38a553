#include "tasks/train/plan.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "base/error.h"
#include "objectives/objective.h"
#include "tasks/train/run.h"
#include "tasks/train/settings_record.h"
#include "tasks/train/train_data.h"

using namespace lm;

namespace {

/// A machine that nothing is measured on.
Machine machine(Precision fastest = Precision::fp32, double peak_flops = 1e11) {
  return {.tier = SimdTier::portable,
          .fastest_precision = [fastest] { return fastest; },
          .peak_flops = [peak_flops] { return peak_flops; }};
}

bool has_note(const TrainPlan& plan, const std::string& part) {
  return std::any_of(plan.notes.begin(), plan.notes.end(),
                     [&](const std::string& note) { return note.find(part) != std::string::npos; });
}

/// Runs as many steps as it is let.
class Steps : public TrainObserver {
 public:
  explicit Steps(std::int64_t most) : most_(most) {}
  void on_step(const StepReport&) override { ++steps_; }
  RunRequests requests() override { return {.stop = steps_ >= most_}; }
  void maybe_save(const RunRequests&) override {}
  double now() override { return clock_ += 0.01; }

 private:
  std::int64_t most_, steps_ = 0;
  double clock_ = 0;
};

/// Makes a run of the request and leaves its state after `steps` steps.
void leave_state(const TrainRequest& request, std::int64_t steps) {
  Compute compute(1, SimdTier::portable);
  TrainInputs inputs = open_inputs(request);
  TrainRun run(plan_fresh(request, inputs, machine()), inputs, compute);
  Steps observer(steps);
  CHECK(run.run(observer) == StopReason::interrupted);
  run.save_state();
}

}  // namespace

TEST_CASE("a fresh plan leaves nothing to be chosen") {
  const test::TrainFolder folder;
  const TrainRequest request = folder.request(folder.tokens("a.tok"));
  const TrainInputs inputs = open_inputs(request);
  const TrainPlan plan = plan_fresh(request, inputs, machine());
  const JsonValue settings = settings_to_json(plan.settings);
  for (const auto& [name, value] : *settings.if_object()) {
    CAPTURE(name);
    CHECK_FALSE(value.is_null());
  }
  CHECK(plan.config.n_layers == 1);
  CHECK(plan.config.channels == 16);
  CHECK(plan.config.vocab_size == inputs.tokenizer.vocab_size());
  CHECK(plan.trainer.context_length == 16);
  CHECK(plan.trainer.total_steps == 10);
  CHECK(plan.trainer.micro_batch_sequences == 4);
  CHECK(plan.trainer.schedule.learning_rate == doctest::Approx(4e-3 * 4));
  CHECK(plan.step_positions() == 64);
  CHECK(plan.notes.empty());
}

TEST_CASE("the first budget that is reached fixes the steps") {
  const test::TrainFolder folder;
  TrainRequest request = folder.request(folder.tokens("a.tok"));
  const TrainInputs inputs = open_inputs(request);
  request.budget.tokens = 65;
  CHECK(plan_fresh(request, inputs, machine()).trainer.total_steps == 2);
  request.budget = {.epochs = 1};
  const TrainPlan epoch = plan_fresh(request, inputs, machine());
  CHECK(epoch.trainer.total_steps == (*epoch.examples.windows_per_epoch() + 3) / 4);
  request.budget = {.seconds = 3.0};
  CHECK_FALSE(plan_fresh(request, inputs, machine()).trainer.total_steps);
}

TEST_CASE("validations are at least a hundred steps apart, unless named") {
  const test::TrainFolder folder;
  TrainRequest request = folder.request(folder.tokens("a.tok"));
  request.settings.valid_fraction = 0.2;
  const TrainInputs inputs = open_inputs(request);
  CHECK(plan_fresh(request, inputs, machine()).trainer.valid_every == 100);
  request.valid_every = 0;
  CHECK(plan_fresh(request, inputs, machine()).trainer.valid_every == 0);
}

TEST_CASE("with nothing but time, model and precision are chosen, and what was named is left alone") {
  const test::TrainFolder folder;
  TrainRequest request = folder.request(folder.tokens("a.tok"));
  request.settings = {};
  request.settings.trainer.batch_sequences = 3;
  request.named = {Setting::batch};
  request.budget = {.seconds = 60.0};
  const TrainInputs inputs = open_inputs(request);
  const TrainPlan plan = plan_fresh(request, inputs, machine(Precision::bf16));
  CHECK(plan.trainer.precision == Precision::bf16);
  CHECK(plan.trainer.batch_sequences == 3);
  CHECK(plan.budget.recipe_epochs);
  CHECK(has_note(plan, "chose --layers"));
  // A size that is named means that the user has a model in mind.
  request.settings.model.layers = 1;
  request.named.add(Setting::layers);
  const TrainPlan named = plan_fresh(request, inputs, machine(Precision::bf16));
  CHECK(named.trainer.precision == Precision::fp32);
  CHECK_FALSE(named.budget.recipe_epochs);
}

TEST_CASE("a memory that holds no step is refused with what is needed") {
  const test::TrainFolder folder;
  TrainRequest request = folder.request(folder.tokens("a.tok"));
  request.memory = 1 << 20;
  const TrainInputs inputs = open_inputs(request);
  CHECK_THROWS_WITH_AS(plan_fresh(request, inputs, machine()), doctest::Contains("no step fits into --memory"),
                       SettingsError);
}

TEST_CASE("a resumed plan has the recorded settings, and the budget of today") {
  const test::TrainFolder folder;
  TrainRequest request = folder.request(folder.tokens("a.tok"));
  request.settings.trainer.clip = 0.5;
  leave_state(request, 4);

  TrainRequest again = folder.request(request.tokens.front());
  again.named = {};
  again.settings.model = {};
  again.resume = Resume::yes;
  again.budget.steps = 20;
  const std::optional<RecordedRun> recorded = open_recorded_run(again);
  REQUIRE(recorded);
  CHECK(recorded->tier == SimdTier::portable);
  again = resumed_request(again, *recorded);
  const TrainInputs inputs = open_inputs(again);
  const TrainPlan plan = plan_resumed(again, inputs, *recorded);
  CHECK(plan.trainer.clip == 0.5);
  CHECK(plan.config == recorded->config());
  CHECK(plan.trainer.total_steps == 20);
}

TEST_CASE("a run is not resumed on other data, nor with a setting that differs") {
  const test::TrainFolder folder;
  const TrainRequest request = folder.request(folder.tokens("a.tok"));
  leave_state(request, 2);
  TrainRequest again = request;
  again.resume = Resume::yes;
  again.tokens = {folder.tokens("b.tok", 39)};
  const RecordedRun recorded = *open_recorded_run(again);
  const TrainInputs inputs = open_inputs(resumed_request(again, recorded));
  CHECK_THROWS_WITH_AS(plan_resumed(again, inputs, recorded), doctest::Contains("the training data differs"), Error);
  // Another tokenizer is named before any data is read.
  TrainRequest other = resumed_request(again, recorded);
  other.tokenizer = folder.write("other.json", test::byte_tokenizer().to_json());
  other.tokens = {folder.path("missing.tok")};
  CHECK_THROWS_WITH_AS(open_inputs(other), doctest::Contains("the tokenizer differs"), Error);
  again.settings.trainer.clip = 3;
  again.named.add(Setting::clip);
  CHECK_THROWS_WITH_AS(open_recorded_run(again), doctest::Contains("--clip was 1"), Error);
  again = request;
  CHECK_THROWS_WITH_AS(open_recorded_run(again), doctest::Contains("unfinished run"), Error);
  again.writes_nothing = true;
  CHECK_FALSE(open_recorded_run(again));
  again.state = folder.path("none.state");
  again.resume = Resume::automatic;
  CHECK_FALSE(open_recorded_run(again));
  again.resume = Resume::yes;
  CHECK_THROWS_AS(open_recorded_run(again), Error);
}

TEST_CASE("a run that is stopped and resumed makes the model of one that was not") {
  const test::TrainFolder folder;
  TrainRequest request = folder.request(folder.tokens("a.tok"));
  Compute compute(1, SimdTier::portable);
  const auto train = [&](const TrainRequest& asked, const RecordedRun* recorded) {
    const TrainRequest run_request = recorded != nullptr ? resumed_request(asked, *recorded) : asked;
    TrainInputs inputs = open_inputs(run_request);
    Steps observer(1000);
    TrainPlan plan =
        recorded != nullptr ? plan_resumed(run_request, inputs, *recorded) : plan_fresh(run_request, inputs, machine());
    TrainRun run(std::move(plan), inputs, compute, recorded);
    const StopReason reason = run.run(observer);
    run.save_results(reason);
    return test::read_file(asked.output);
  };
  const std::string whole = train(request, nullptr);
  request.state = folder.path("second.state");
  leave_state(request, 3);
  request.resume = Resume::yes;
  const RecordedRun recorded = *open_recorded_run(request);
  CHECK(train(request, &recorded) == whole);
}
