#include "tasks/evaluate/judgement_report.h"

#include <cmath>
#include <optional>

#include "base/json_number.h"
#include "base/number_text.h"
#include "base/printable.h"

namespace lm {
namespace {

constexpr std::size_t kShownOfItem = 80;  // columns of an item, on a line for people

std::optional<double> if_known(double number) { return std::isnan(number) ? std::nullopt : std::optional(number); }

JsonValue number_or_null(double number) { return json_number(if_known(number)); }

/// Returns exp(nats / count); NaN if there are none.
double perplexity_of(const Tally& tally, std::int64_t count) {
  return count == 0 ? std::nan("") : std::exp(tally.nats() / static_cast<double>(count));
}

std::string interval_text(const Interval& interval) {
  return score_text(if_known(interval.low), 4) + " to " + score_text(if_known(interval.high), 4);
}

std::string with_interval(double value, const std::string& unit, const Interval& interval) {
  if (std::isnan(value)) return score_text(std::nullopt, 4);
  return fixed_text(value, 4) + unit + (std::isnan(interval.low) ? "" : " (95 % interval " + interval_text(interval) + ")");
}

JsonValue row_json(const Judgements::Row& row, const JudgementFrame& frame, bool by_phenomenon) {
  JsonValue json;
  json.set("kind", row.kind);
  if (by_phenomenon) json.set("phenomenon", row.phenomenon);
  return joined(std::move(json), to_json(row.tally, frame));
}

JsonValue rows_json(const std::vector<Judgements::Row>& rows, const JudgementFrame& frame, bool by_phenomenon) {
  JsonValue::Array array;
  for (const Judgements::Row& row : rows) array.push_back(row_json(row, frame, by_phenomenon));
  return array;
}

std::string table_text(const std::vector<Judgements::Row>& rows, const JudgementFrame& frame, const std::string& title) {
  if (rows.empty()) return "";
  const auto line = [](const std::vector<std::string>& cells, const std::string& name) {
    constexpr std::size_t kWidths[] = {9, 18, 12, 20, 8};
    std::string text;
    for (std::size_t i = 0; i < cells.size(); ++i) text += align_right(cells[i], kWidths[i]);
    return text + "  " + name + "\n";
  };
  std::string text =
      "\n" + (frame.last_words ? line({"accuracy", "95 % interval", "perplexity", "word perplexity", "items"}, title)
                               : line({"accuracy", "95 % interval", "margin", "95 % interval", "items"}, title));
  for (const Judgements::Row& row : rows) {
    const Tally& tally = row.tally;
    const Rate accuracy = tally.accuracy();
    const Estimate margin = tally.margin();
    const bool both = !row.kind.empty() && !row.phenomenon.empty();
    text += line({fixed_text(accuracy.value, 4), interval_text(accuracy.interval),
                  fixed_text(frame.last_words ? perplexity_of(tally, tally.tokens()) : margin.value, 4),
                  frame.last_words ? fixed_text(perplexity_of(tally, tally.items()), 4) : interval_text(margin.interval),
                  std::to_string(tally.items())},
                 escaped(row.kind + (both ? "/" : "") + row.phenomenon));
  }
  return text;
}

std::vector<std::string> columns_of_tables(bool last_words) {
  std::vector<std::string> columns = {"kind", "phenomenon", "items", "accuracy", "accuracy_low", "accuracy_high"};
  for (const char* column : last_words ? std::vector{"tokens", "nats", "perplexity", "word_perplexity"}
                                       : std::vector{"chance", "margin", "margin_low", "margin_high"})
    columns.emplace_back(column);
  return columns;
}

std::vector<std::string> columns_of_items(bool last_word) {
  if (last_word) return {"item", "kind", "phenomenon", "group", "right", "log_p", "tokens", "text"};
  return {"item", "kind", "phenomenon", "group", "right", "margin", "scores", "answer", "text"};
}

}  // namespace

JsonValue to_json(const Tally& tally, const JudgementFrame& frame) {
  const Rate accuracy = tally.accuracy();
  JsonValue json;
  json.set("items", tally.items()).set("groups", tally.groups() ? JsonValue(*tally.groups()) : JsonValue());
  json.set("accuracy", number_or_null(accuracy.value));
  json.set("accuracy_low", number_or_null(accuracy.interval.low));
  json.set("accuracy_high", number_or_null(accuracy.interval.high));
  if (frame.last_words) {
    json.set("tokens", tally.tokens()).set("nats", json_number(tally.nats()));
    json.set("perplexity", number_or_null(perplexity_of(tally, tally.tokens())));
    return json.set("word_perplexity", number_or_null(perplexity_of(tally, tally.items())));
  }
  const Estimate margin = tally.margin();
  json.set("chance", number_or_null(tally.chance())).set("margin", number_or_null(margin.value));
  json.set("margin_low", number_or_null(margin.interval.low));
  return json.set("margin_high", number_or_null(margin.interval.high));
}

JsonValue to_json(const Judgements& judgements, const JudgementFrame& frame) {
  JsonValue all = to_json(judgements.total(), frame);
  all.set("cut", judgements.cut()).set("protocol", frame.protocol);
  if (!frame.model.empty()) all.set("model", frame.model);
  if (!frame.tokenizer.empty()) all.set("tokenizer", frame.tokenizer);
  JsonValue json;
  json.set(frame.task, all).set("by_kind", rows_json(judgements.by_kind(), frame, false));
  return json.set("by_phenomenon", rows_json(judgements.by_phenomenon(), frame, true));
}

std::string to_text(const Judgements& judgements, const JudgementFrame& frame) {
  const Tally& tally = judgements.total();
  const Rate accuracy = tally.accuracy();
  const Estimate margin = tally.margin();
  std::string text = score_line(
      "items", std::to_string(tally.items()) + (tally.groups() ? " in " + std::to_string(*tally.groups()) + " groups" : ""));
  text += score_line("accuracy", with_interval(accuracy.value, "", accuracy.interval));
  if (frame.last_words) {
    text += score_line("tokens", std::to_string(tally.tokens()));
    text += score_line("perplexity", score_text(if_known(perplexity_of(tally, tally.tokens())), 4));
    text += score_line("word perplexity", score_text(if_known(perplexity_of(tally, tally.items())), 4));
  } else {
    text += score_line("chance", score_text(if_known(tally.chance()), 4));
    text += score_line("margin", with_interval(margin.value, " nats", margin.interval));
  }
  if (judgements.cut() > 0)
    text += score_line("cut", std::to_string(judgements.cut()) + " contexts at their beginning, to fit");
  text += score_line("protocol", frame.protocol);
  return text + table_text(judgements.by_kind(), frame, "kind") +
         table_text(judgements.by_phenomenon(), frame, "phenomenon");
}

std::string to_tsv(const Judgements& judgements, const JudgementFrame& frame, bool header) {
  const std::vector<std::string> columns = columns_of_tables(frame.last_words);
  std::string text = header ? tsv_header(columns, {}) : "";
  text += tsv_row(columns, to_json(judgements.total(), frame), {});
  for (const Judgements::Row& row : judgements.by_kind()) text += tsv_row(columns, row_json(row, frame, false), {});
  for (const Judgements::Row& row : judgements.by_phenomenon()) text += tsv_row(columns, row_json(row, frame, true), {});
  return text;
}

JsonValue to_json(const Judgement& judgement, bool last_word) {
  const ItemLabels& labels = judgement.labels;
  const auto label = [](const std::string& text) { return text.empty() ? JsonValue() : JsonValue(text); };
  JsonValue json;
  json.set("item", judgement.number).set("kind", label(labels.kind)).set("phenomenon", label(labels.phenomenon));
  json.set("group", labels.group ? JsonValue(*labels.group) : JsonValue()).set("right", judgement.right);
  if (last_word) {
    json.set("log_p", json_number(judgement.scores.front())).set("tokens", judgement.tokens);
  } else {
    JsonValue::Array scores;
    for (const double score : judgement.scores) scores.push_back(json_number(score));
    json.set("margin", json_number(judgement.margin)).set("scores", scores).set("answer", judgement.answer);
  }
  return json.set("text", judgement.text);
}

std::string to_text(const Judgement& judgement, bool last_word) {
  const char* verdict = judgement.right == 1 ? "right" : judgement.right == 0 ? "wrong" : "tie";
  const std::string text = escaped(judgement.text);
  const std::string_view shown = clip_to_columns(text, kShownOfItem);
  return align_right(fixed_text(last_word ? judgement.scores.front() : judgement.margin, 4), 12) + "  " +
         pad_to_columns(verdict, 5) + "  " + std::string(shown) + (shown.size() < text.size() ? "..." : "") + "\n";
}

void JudgementRows::add(const Judgement& judgement, bool last_word) {
  if (form_ == ReportForm::text) return output_.write(to_text(judgement, last_word));
  JsonValue json = to_json(judgement, last_word);
  if (form_ == ReportForm::json) return output_.write(json.dump() + "\n");
  const std::vector<std::string> columns = columns_of_items(last_word);
  if (std::exchange(header_, false)) output_.write(tsv_header(columns, {}));
  std::string scores;
  for (const double score : judgement.scores) scores += (scores.empty() ? "" : " ") + exact_text(score);
  if (!last_word) json.set("scores", scores);
  output_.write(tsv_row(columns, json, {}));
}

}  // namespace lm
