#include "tasks/train/dry_run.h"

#include <utility>
#include <vector>

#include "base/number_text.h"
#include "base/printable.h"
#include "tasks/train/settings_record.h"

namespace lm {
namespace {

constexpr double kMebibyte = 1 << 20;

JsonValue optional_json(const std::optional<std::int64_t>& value) { return value ? JsonValue(*value) : JsonValue(); }

std::string megabytes(std::int64_t bytes) { return fixed_text(static_cast<double>(bytes) / kMebibyte, 1) + " MB"; }

/// All digits below a million, three above: "1.23 million".
std::string count_text(double count) {
  if (count >= 1e15) return short_text(count, 3);
  if (count >= 1e12) return short_text(count / 1e12, 3) + " trillion";
  if (count >= 1e9) return short_text(count / 1e9, 3) + " billion";
  if (count >= 1e6) return short_text(count / 1e6, 3) + " million";
  return fixed_text(count, 0);
}

std::string count_text(std::int64_t count) { return count_text(static_cast<double>(count)); }

std::string time_text(double seconds) {
  return seconds < 120 ? short_text(seconds, 3) + " seconds" : short_text(seconds / 60, 3) + " minutes";
}

/// "for 300 steps of 512 tokens, which read the data 1.2 times", or as much of it as is known.
std::string length_text(const TrainForecast& forecast, const TrainBudget& budget) {
  const std::string step = " of " + count_text(forecast.step_positions) + " tokens";
  if (forecast.total_steps) {
    const double tokens = static_cast<double>(*forecast.total_steps) * static_cast<double>(forecast.step_positions);
    std::string text =
        "for " + std::to_string(*forecast.total_steps) + (*forecast.total_steps == 1 ? " step" : " steps") + step;
    if (forecast.tokens_per_epoch && *forecast.tokens_per_epoch > 0) {
      text += ", which read the data of " + count_text(*forecast.tokens_per_epoch) + " tokens " +
              short_text(tokens / static_cast<double>(*forecast.tokens_per_epoch), 3) + " times";
    }
    return text + (budget.seconds ? ", " + time_text(*budget.seconds) + " at most" : "");
  }
  const std::string data =
      forecast.tokens_per_epoch ? " from data of " + count_text(*forecast.tokens_per_epoch) + " tokens" : "";
  if (budget.seconds) return "for " + time_text(*budget.seconds) + ", in steps" + step + data;
  return "in steps" + step + data + (budget.empty() ? ", until a budget, still to be named, ends it" : "");
}

std::string sentences(const TrainPlan& plan, const TrainForecast& forecast) {
  const ModelConfig& config = plan.config;
  std::string text = "This would train a model of " + count_text(forecast.parameters) + " parameters (" +
                     to_string(config.family) + ", " + std::to_string(config.n_layers) +
                     (config.n_layers == 1 ? " layer of " : " layers of ") + std::to_string(config.channels) +
                     " channels, context " + std::to_string(config.context_length) + ")";
  if (!plan.init_from.empty()) text += ", beginning with the weights of '" + printable(plan.init_from) + "',";
  text +=
      " with the objective " + printable(plan.settings.objective.text()) + " " + length_text(forecast, plan.budget) + ".\n";
  const std::string ranks = forecast.ranks > 1 ? " on each of " + std::to_string(forecast.ranks) + " ranks" : "";
  text += "It would take about " + megabytes(forecast.memory.total()) + " of memory" + ranks + " and " +
          count_text(forecast.flops_per_step) + " FLOPs a step";
  if (!plan.output.empty()) text += ", and write the model to '" + printable(plan.output) + "'";
  return text + "; nothing has been trained or written now.\n";
}

std::vector<std::pair<const char*, std::int64_t>> parts_of(const TrainMemory& memory) {
  return {{"weights", memory.trainer.weights},
          {"rounded", memory.trainer.rounded},
          {"gradients", memory.trainer.gradients},
          {"moments", memory.trainer.moments},
          {"averages", memory.trainer.averages},
          {"activations", memory.trainer.activations},
          {"batches", memory.trainer.batches},
          {"scratch", memory.trainer.scratch},
          {"messages", memory.trainer.messages},
          {"held_out", memory.held_out},
          {"mapped_files", memory.files},
          {"mpi", memory.mpi},
          {"program", memory.program}};
}

std::string line(std::string name, const std::string& value) {
  name.resize(20, ' ');
  return name + " " + value + "\n";
}

std::string readable(std::string key) {
  for (char& c : key) {
    if (c == '_') c = ' ';
  }
  return key;
}

}  // namespace

JsonValue dry_run_json(const TrainPlan& plan, const TrainForecast& forecast) {
  const TrainMemory& memory = forecast.memory;
  JsonValue report;
  report.set("parameters", forecast.parameters).set("memory_bytes", memory.total());
  for (const auto& [name, bytes] : parts_of(memory)) report.set(std::string("memory_") + name, bytes);
  report.set("ranks", std::int64_t{forecast.ranks}).set("sent_bytes", forecast.sent.total());
  report.set("sent_gradients", forecast.sent.gradients).set("sent_weights", forecast.sent.weights);
  report.set("sent_rest", forecast.sent.rest);
  report.set("flops_per_step", forecast.flops_per_step).set("tokens_per_step", forecast.step_positions);
  report.set("tokens_per_epoch", optional_json(forecast.tokens_per_epoch))
      .set("windows_per_epoch", optional_json(forecast.windows_per_epoch));
  report.set("steps", optional_json(forecast.total_steps)).set("settings", settings_to_json(plan.settings));
  return report;
}

std::string dry_run_text(const TrainPlan& plan, const TrainForecast& forecast) {
  const TrainMemory& memory = forecast.memory;
  std::string text = sentences(plan, forecast) + "\n";
  text += line("parameters", std::to_string(forecast.parameters));
  text += line("memory", megabytes(memory.total()));
  for (const auto& [name, bytes] : parts_of(memory)) {
    if (bytes > 0) text += line("  " + readable(name), megabytes(bytes));
  }
  if (forecast.ranks > 1) {
    text += line("sent a step", megabytes(forecast.sent.total()));
    text += line("  gradients", megabytes(forecast.sent.gradients)) + line("  weights", megabytes(forecast.sent.weights));
    text += line("  rest", megabytes(forecast.sent.rest));
  }
  text += line("FLOPs a step", short_text(forecast.flops_per_step, 3));
  text += line("tokens a step", std::to_string(forecast.step_positions));
  if (forecast.tokens_per_epoch) text += line("tokens an epoch", std::to_string(*forecast.tokens_per_epoch));
  if (forecast.windows_per_epoch) text += line("windows an epoch", std::to_string(*forecast.windows_per_epoch));
  if (forecast.total_steps) text += line("steps", std::to_string(*forecast.total_steps));
  text += "\n";
  const JsonValue settings = settings_to_json(plan.settings);
  for (const auto& [name, value] : *settings.if_object()) text += line("--" + name, printable(value.dump()));
  return text;
}

}  // namespace lm
