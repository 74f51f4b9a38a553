#include "tasks/evaluate/evaluate_infilling.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <numeric>

#include "base/json_number.h"
#include "base/number_text.h"
#include "base/path.h"
#include "objectives/fim.h"
#include "tasks/infill/infill.h"
#include "text/documents.h"

namespace lm {
namespace {

// Two-sided, of the normal distribution.
constexpr double kNormal95 = 1.959963984540054;

/// Returns the mean of nats over the tokens of the middles; empty if there are none.
std::optional<double> per_token(const InfillingScore& score, double nats) {
  if (score.tokens == 0) return std::nullopt;
  return nats / static_cast<double>(score.tokens);
}

}  // namespace

void for_each_infilling_task(const std::vector<std::string>& paths,
                             const std::function<void(const InfillingTask& task)>& visit) {
  for (const std::string& path : paths.empty() ? std::vector<std::string>{"-"} : paths) {
    std::int64_t number = 0;
    for_each_document({path}, {.kind = DocumentKind::Kind::line, .detail = {}}, [&](std::string_view line) {
      const std::string source = input_name(path) + " line " + std::to_string(++number);
      if (line.find_first_not_of(" \t\r") == std::string_view::npos) return;
      const JsonValue json = JsonValue::parse(line, source);
      visit({.prefix = json.string_at("prompt", source),
             .suffix = json.string_at("suffix", source),
             .middle = json.string_at("canonical_solution", source)});
    });
  }
}

std::optional<InfillingScore::Gain> InfillingScore::gain() const {
  if (gains.size() < 2) return std::nullopt;
  const auto count = static_cast<double>(gains.size());
  const double mean = (prefix_nats - nats) / static_cast<double>(tokens);
  double squares = 0;
  for (std::size_t i = 0; i < gains.size(); ++i) {
    const double residual = gains[i] - mean * counts[i];
    squares += residual * residual;
  }
  const double error = std::sqrt(squares * count / (count - 1)) / static_cast<double>(tokens);
  return Gain{.mean = mean, .low = mean - kNormal95 * error, .high = mean + kNormal95 * error};
}

InfillingEvaluator::InfillingEvaluator(Compute& compute, const TextModel& model, std::string_view layout)
    : model_(model),
      layout_(layout == "none" ? std::nullopt : std::optional(infill_layout(model, layout))),
      allowed_(layout_ ? layout_->allowed : model.samplable()),
      ends_(layout_ ? layout_->ends : model.ends()),
      longest_piece_(longest_fim_piece(model.training_window())),
      scorer_(compute, model.parameters(), model.config().context_length),
      decoder_(compute, model.parameters()),
      context_(decoder_, model.config(), model.config().context_length) {
  if (!layout_) require_left_to_right(model);
}

/// Returns how much of prefix and suffix the model gets: without a layout, all the room is the prefix's.
InfillShares InfillingEvaluator::shares(std::int64_t prefix, std::int64_t suffix, std::int64_t middle) const {
  const std::int64_t room = longest_piece_ - middle;
  if (!layout_) return {.prefix = std::min(prefix, room), .suffix = 0};
  return share_room(room, prefix, suffix);
}

std::vector<TokenId> InfillingEvaluator::after_opening(std::vector<TokenId> tokens) const {
  const std::vector<TokenId> opening = model_.tokenizer.opening();  // something is seen before the first token
  tokens.insert(tokens.begin(), opening.begin(), opening.end());
  return tokens;
}

double InfillingEvaluator::nats_of(std::vector<TokenId> before, std::span<const TokenId> middle) {
  ScoredSequence sequence;
  const std::int64_t first = std::ssize(before) - 1;
  sequence.input = std::move(before);
  sequence.input.insert(sequence.input.end(), middle.begin(), middle.end() - 1);
  for (std::int64_t i = 0; i < std::ssize(middle); ++i)
    sequence.targets.push_back({.place = first + i, .token = middle[static_cast<std::size_t>(i)]});
  const std::vector<TargetScore> nats = scorer_.score({&sequence, 1}).front();
  return std::accumulate(nats.begin(), nats.end(), 0.0,
                         [](double sum, const TargetScore& score) { return sum + score.nats; });
}

/// Returns whether the model writes the middle: a single line and then a newline or end-of-text, or several lines and then
/// end-of-text.
bool InfillingEvaluator::writes(std::span<const TokenId> before, std::string_view middle) {
  const std::size_t newline = middle.find('\n');
  const bool single_line = newline == std::string_view::npos || newline + 1 == middle.size();
  std::string wanted(single_line ? middle.substr(0, newline) : middle);
  Sampler greedy({.temperature = 0}, allowed_, {});
  context_.read(before);
  std::string written;
  bool complete = false;
  const std::int64_t room = model_.config().context_length - std::ssize(before) + 1;
  const auto take = [&](TokenId token) {
    written += model_.bytes_of(token);
    complete =
        single_line && written.size() > wanted.size() && written.starts_with(wanted) && written[wanted.size()] == '\n';
    return !complete && wanted.starts_with(written);
  };
  const EndReason reason =
      generate({.context = context_, .sampler = greedy, .ends = ends_, .max_tokens = room, .on_token = take}).reason;
  return complete || (reason == EndReason::end_of_text && written == wanted);
}

void InfillingEvaluator::add(const InfillingTask& task) {
  const std::vector<TokenId> prefix = model_.tokenizer.encode(task.prefix);
  const std::vector<TokenId> suffix =
      layout_ ? layout_->encode_suffix(model_.tokenizer, task.suffix) : model_.tokenizer.encode(task.suffix);
  const std::vector<TokenId> middle = model_.tokenizer.encode(task.middle);
  for (const std::vector<TokenId>* part : {&prefix, &suffix, &middle}) model_.require_embedded(*part);
  const std::int64_t length = std::ssize(middle);
  if (length == 0 || length > longest_piece_) {
    ++total_.left_out;
    return;
  }
  const InfillShares kept = shares(std::ssize(prefix), std::ssize(suffix), length);
  const auto kept_prefix = std::span(prefix).last(static_cast<std::size_t>(kept.prefix));
  const auto kept_suffix = std::span(suffix).first(static_cast<std::size_t>(kept.suffix));
  const std::vector<TokenId> alone = after_opening(std::vector<TokenId>(kept_prefix.begin(), kept_prefix.end()));
  const double prefix_nats = nats_of(alone, middle);
  ++total_.tasks;
  total_.tokens += length;
  total_.prefix_nats += prefix_nats;
  if (!layout_) {
    total_.exact += writes(alone, task.middle) ? 1 : 0;
    return;
  }
  const std::vector<TokenId> both = layout_->prompt(kept_prefix, kept_suffix);
  const double nats = nats_of(both, middle);
  total_.nats += nats;
  total_.gains.push_back(prefix_nats - nats);
  total_.counts.push_back(static_cast<double>(length));
  total_.exact += writes(both, task.middle) ? 1 : 0;
}

JsonValue to_json(const InfillingScore& score, std::string_view layout, LogBase base) {
  const double unit = log_of(base);
  const std::optional<InfillingScore::Gain> gain = score.gain();
  JsonValue json;
  json.set("tasks", score.tasks);
  json.set("left_out", score.left_out);
  json.set("tokens", score.tokens);
  json.set("loss", layout == "none" ? JsonValue() : json_number(per_token(score, score.nats / unit)));
  json.set("prefix_loss", json_number(per_token(score, score.prefix_nats / unit)));
  json.set("gain", gain ? json_number(gain->mean / unit) : JsonValue());
  json.set("gain_low", gain ? json_number(gain->low / unit) : JsonValue());
  json.set("gain_high", gain ? json_number(gain->high / unit) : JsonValue());
  json.set("exact", score.exact);
  json.set("exact_match",
           score.tasks == 0 ? JsonValue() : JsonValue(static_cast<double>(score.exact) / static_cast<double>(score.tasks)));
  json.set("layout", layout);
  if (base != LogBase::e) json.set("base", base == LogBase::two ? 2 : 10);
  return json;
}

std::string to_text(const InfillingScore& score, std::string_view layout, LogBase base) {
  const double unit = log_of(base);
  const std::string a_token = std::string(" ") + unit_of(base) + " a token";
  const auto loss = [&](double nats) {
    const std::optional<double> mean = per_token(score, nats / unit);
    return score_text(mean, 4) + (mean ? a_token : "");
  };
  std::string text;
  text += score_line("tasks", std::to_string(score.tasks));
  if (score.left_out > 0) text += score_line("left out", std::to_string(score.left_out));
  text += score_line("tokens", std::to_string(score.tokens) + " of the middles, end-of-text not counted");
  if (layout != "none") text += score_line("both sides", loss(score.nats));
  text += score_line("prefix alone", loss(score.prefix_nats));
  if (const std::optional<InfillingScore::Gain> gain = score.gain()) {
    text += score_line("gain", fixed_text(gain->mean / unit, 4) + a_token + " (95 % interval " +
                                   fixed_text(gain->low / unit, 4) + " to " + fixed_text(gain->high / unit, 4) + ")");
  }
  text += score_line("exact match", std::to_string(score.exact) + " of " + std::to_string(score.tasks) + ", greedily");
  text += score_line("layout", std::string(layout));
  return text;
}

}  // namespace lm
