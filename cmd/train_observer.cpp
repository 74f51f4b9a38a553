#include "train_observer.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include <spdlog/spdlog.h>

#include "base/error.h"
#include "base/json.h"
#include "base/number_text.h"

namespace lm::cmd {

namespace {

// Long enough for the system to spread a pool that just woke over the cores.
constexpr int kPeakMilliseconds = 150;
// Weight of the latest step in the speed that the progress line shows.
constexpr double kSmoothing = 0.1;

}  // namespace

TrainReporter::TrainReporter(const CommonOptions& common, TrainRun& run, Compute& compute, const TrainForecast& forecast,
                             const Options& options)
    : run_(run), compute_(compute), options_(options), flops_per_position_(forecast.flops_per_position), progress_(common) {
  if (!options.metrics.empty()) {
    const int descriptor = options.metrics == "-"
                               ? dup(STDOUT_FILENO)
                               : open(options.metrics.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
    metrics_ = FileDescriptor(descriptor, options.metrics);
    if (metrics_.get() < 0) throw_system_error("append to", options.metrics, errno);
  }
  if (common.progress != ProgressMode::never && (common.progress == ProgressMode::always || is_terminal(STDERR_FILENO))) {
    peak_flops_ = measure_peak_flops(compute, kPeakMilliseconds);
  }
  begun_ = last_step_seconds_ = run.state().elapsed_seconds;
  begun_step_ = run.state().step;
  last_save_ = now();
}

double TrainReporter::now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

void TrainReporter::on_step(const StepReport& report) {
  const double seconds = std::max(1e-9, report.elapsed_seconds - last_step_seconds_);
  last_speed_ = static_cast<double>(report.step_positions) / seconds;
  last_step_seconds_ = report.elapsed_seconds;
  positions_ += report.step_positions;
  smoothed_speed_ = smoothed_speed_ == 0 ? last_speed_ : smoothed_speed_ + kSmoothing * (last_speed_ - smoothed_speed_);
  if (report.validation_loss) validation_loss_ = report.validation_loss;
  last_ = report;
  write_metrics(report);
  if (!progress_.due()) return;
  const auto done = [&](std::int64_t step, double seconds) {
    if (report.total_steps) return static_cast<double>(step) / static_cast<double>(*report.total_steps);
    return options_.seconds ? seconds / *options_.seconds : -1.0;
  };
  progress_.update(done(report.step, report.elapsed_seconds), describe(report, smoothed_speed_), done(begun_step_, begun_));
}

void TrainReporter::on_last_validation(const StepReport& report) {
  validation_loss_ = report.validation_loss;
  last_ = report;
  write_metrics(report);
}

/// What may not fit into the line comes last.
std::vector<std::string> TrainReporter::describe(const StepReport& report, double tokens_per_second) const {
  std::vector<std::string> parts = {"step " + std::to_string(report.step)};
  if (report.total_steps) parts.back() += "/" + std::to_string(*report.total_steps);
  parts.push_back("loss " + fixed_text(report.loss, 4));
  if (validation_loss_) parts.push_back("val_loss " + fixed_text(*validation_loss_, 4));
  parts.push_back(fixed_text(tokens_per_second, 0) + " tokens/s");
  if (peak_flops_ > 0)
    parts.push_back("MFU " + fixed_text(100.0 * tokens_per_second * flops_per_position_ / peak_flops_, 0) + " %");
  return parts;
}

void TrainReporter::write_metrics(const StepReport& report) {
  if (metrics_.get() < 0) return;
  JsonValue line;
  line.set("step", report.step).set("tokens", report.tokens).set("loss", report.loss).set("grad_norm", report.gradient_norm);
  if (report.noise_scale) line.set("noise_scale", *report.noise_scale);
  line.set("learning_rate", report.learning_rate).set("tokens_per_second", last_speed_);
  if (report.validation_loss) line.set("val_loss", *report.validation_loss);
  if (report.validation_bits_per_byte) line.set("val_bits_per_byte", *report.validation_bits_per_byte);
  const Mixture& objective = run_.plan().settings.objective;
  if (objective.mixed()) {
    JsonValue losses;
    for (const ObjectiveLoss& part : report.objectives) {
      const ObjectiveShare& share = objective.shares()[static_cast<std::size_t>(part.number)];
      if (part.loss.weight > 0) losses.set(share.entry->name, part.loss.mean());
    }
    line.set("losses", std::move(losses));
    JsonValue validations;
    for (const ValidationPart& part : report.validation_parts) validations.set(part.objective, part.loss);
    if (report.validation_loss) line.set("val_losses", std::move(validations));
  }
  try {
    append_metrics(line.dump() + "\n");
  } catch (const SystemError& error) {
    if (signals_.stop_signal() != 0) return;  // whoever read them has gone (SIGPIPE), or something else ends the run
    if (options_.metrics == "-") throw;
    progress_.clear();
    spdlog::warn("{}; training continues without metrics", error.what());
    metrics_ = FileDescriptor(-1, options_.metrics);
    metrics_failure_ = std::current_exception();
  }
}

void TrainReporter::check_metrics() const {
  if (metrics_failure_) std::rethrow_exception(metrics_failure_);
}

void TrainReporter::append_metrics(const std::string& text) {
  for (std::size_t done = 0; done < text.size();) {
    const ssize_t count = write(metrics_.get(), text.data() + done, text.size() - done);
    if (count < 0 && errno != EINTR) throw_system_error("append to", options_.metrics, errno);
    if (count > 0) done += static_cast<std::size_t>(count);
  }
}

void TrainReporter::save_state() {
  const double begun = now();
  run_.save_state();
  const double seconds = now() - begun;
  if (warned_of_saving_ || !options_.seconds_to_end || seconds <= *options_.seconds_to_end) return;
  warned_of_saving_ = true;
  progress_.clear();
  spdlog::warn(
      "saving took {:.1f} s, but mpirun kills its processes {:.0f} s after SIGTERM; give it --mca odls_base_sigkill_timeout "
      "{}",
      seconds, *options_.seconds_to_end, static_cast<int>(3 * seconds) + 10);
}

void TrainReporter::maybe_save(const RunRequests& requests) {
  if (run_.has_state() && (requests.save || now() - last_save_ >= options_.checkpoint_every)) {
    try {
      save_state();
    } catch (const SystemError& error) {
      progress_.clear();
      spdlog::warn("{}; training continues, and the state will be saved when it is time again", error.what());
    }
    last_save_ = now();
  }
  if (!requests.save || !run_.replaces_model()) return;
  try {
    run_.save_model();
  } catch (const Error& error) {
    progress_.clear();
    spdlog::warn("{}; training continues, and the model will be written at its end", error.what());
  }
}

void TrainReporter::finish() {
  signals_.end_with_pipes();
  if (peak_flops_ > 0) peak_flops_ = std::max(peak_flops_, measure_peak_flops(compute_, kPeakMilliseconds));
  const double seconds = last_.elapsed_seconds - begun_;
  if (seconds > 0) progress_.finish(describe(last_, static_cast<double>(positions_) / seconds));
}

}  // namespace lm::cmd
