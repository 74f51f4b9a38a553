#include "tasks/train/forecast.h"

#include <doctest/doctest.h>

#include "tasks/train/dry_run.h"
#include "tasks/train/train_data.h"

using namespace lm;

TEST_CASE("a forecast counts parameters, FLOPs and memory of the plan, and dry runs report it") {
  const test::TrainFolder folder;
  const TrainRequest request = folder.request(folder.tokens("a.tok"));
  Compute compute(1, SimdTier::portable);
  const TrainInputs inputs = open_inputs(request);
  const TrainPlan plan = plan_fresh(request, inputs, machine_of(compute));
  const TrainForecast expected = forecast(plan, inputs, compute);
  CHECK(expected.parameters == parameter_count(plan.config));
  CHECK(expected.step_positions == 64);
  CHECK(expected.flops_per_step == doctest::Approx(64 * expected.flops_per_position));
  CHECK(expected.flops_per_position == training_flops_per_token(plan.config, 16));
  CHECK(expected.tokens_per_epoch == inputs.corpus->size());
  CHECK(expected.windows_per_epoch == plan.examples.windows_per_epoch());
  CHECK(expected.total_steps == 10);
  CHECK(expected.memory.trainer.total() == Trainer::memory(plan.config, plan.trainer, SimdTier::portable, 1).total());
  CHECK(expected.memory.total() > expected.memory.trainer.total());

  CHECK(expected.memory.mpi == 0);
  TrainRequest shared = request;
  shared.ranks = 2;
  CHECK(forecast(plan_fresh(shared, inputs, machine_of(compute)), inputs, compute).memory.mpi > 0);

  const JsonValue json = dry_run_json(plan, expected);
  CHECK(json.integer_at("parameters", "dry run") == expected.parameters);
  CHECK(json.integer_at("steps", "dry run") == 10);
  CHECK(dry_run_text(plan, expected).find("for 10 steps of 64 tokens") != std::string::npos);
}

TEST_CASE("attention that looks both ways costs more; a stream has no epochs") {
  const test::TrainFolder folder;
  TrainRequest request = folder.request(folder.tokens("a.tok"));
  Compute compute(1, SimdTier::portable);
  const auto flops = [&](const std::string& objective) {
    request.settings.objective = parse_mixture(objective);
    const TrainInputs inputs = open_inputs(request);
    const TrainPlan plan = plan_fresh(request, inputs, machine_of(compute));
    return forecast(plan, inputs, compute).flops_per_position;
  };
  CHECK(flops("masked") > flops("causal"));
  request.settings.one_pass = true;
  request.settings.objective = Mixture();
  const TrainInputs inputs = open_inputs(request);
  const TrainForecast expected = forecast(plan_fresh(request, inputs, machine_of(compute)), inputs, compute);
  CHECK_FALSE(expected.tokens_per_epoch);
  CHECK_FALSE(expected.windows_per_epoch);
}

TEST_CASE("held-out tokens are part of the forecast") {
  const test::TrainFolder folder;
  TrainRequest request = folder.request(folder.tokens("a.tok"));
  request.settings.valid_fraction = 0.5;
  Compute compute(1, SimdTier::portable);
  const TrainInputs inputs = open_inputs(request);
  const TrainPlan plan = plan_fresh(request, inputs, machine_of(compute));
  const TrainMemory memory = forecast(plan, inputs, compute).memory;
  CHECK(memory.held_out >= inputs.valid->size() * static_cast<std::int64_t>(sizeof(TokenId)));
}
