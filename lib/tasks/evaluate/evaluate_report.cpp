#include "tasks/evaluate/evaluate_report.h"

#include <algorithm>
#include <array>
#include <numbers>
#include <utility>

#include "base/error.h"
#include "base/json_number.h"
#include "base/number_text.h"
#include "base/printable.h"
#include "tasks/evaluate/white_space.h"
#include "text/unicode/unicode.h"

namespace lm {

double log_of(LogBase base) {
  switch (base) {
    case LogBase::two:
      return std::numbers::ln2;
    case LogBase::ten:
      return std::numbers::ln10;
    case LogBase::e:
      break;
  }
  return 1.0;
}

const char* unit_of(LogBase base) {
  switch (base) {
    case LogBase::two:
      return "bits";
    case LogBase::ten:
      return "bans";
    case LogBase::e:
      break;
  }
  return "nats";
}

namespace {

constexpr std::size_t kShownColumns = 60;              // of a document, on a line for people
constexpr std::size_t kMostBytes = 4 * kShownColumns;  // that need be looked at for them
constexpr const char* kScores = "scores";

std::string prefix(const ReportFrame& frame) { return frame.pseudo ? "pseudo_" : ""; }

std::optional<double> in_base(const std::optional<double>& nats, LogBase base) {
  return nats ? std::optional(*nats / log_of(base)) : std::nullopt;
}

void set_score(JsonValue& json, const Score& score, const ReportFrame& frame) {
  const std::string pseudo = prefix(frame);
  json.set("tokens", score.tokens);
  json.set("words", score.words);
  json.set("bytes", score.bytes);
  json.set(pseudo + "nats", json_number(score.nats.value()));
  json.set(pseudo + "loss", json_number(in_base(score.loss(), frame.base)));
  json.set(pseudo + "perplexity", json_number(score.perplexity()));
  json.set(pseudo + "word_perplexity", json_number(score.word_perplexity()));
  json.set(pseudo + "bits_per_byte", json_number(score.bits_per_byte()));
  json.set("protocol", frame.protocol);
  if (frame.base != LogBase::e) json.set("base", frame.base == LogBase::two ? 2 : 10);
}

JsonValue sums_json(const ClusterSums& sums) {
  JsonValue json;
  json.set("clusters", sums.clusters);
  json.set("tokens_squared", sums.tokens_squared.to_text()).set("tokens_nats", sums.tokens_nats.to_text());
  return json.set("nats_squared", sums.nats_squared.to_text());
}

/// Returns a number of a table: of what JSON has as a number, a string ("inf"), or null.
std::string cell_of(const JsonValue& value) {
  double number = 0;
  if (const std::int64_t* integer = value.if_integer()) return std::to_string(*integer);
  if (value.to_double(number)) return exact_text(number);
  return value.if_string() != nullptr ? escaped(*value.if_string()) : std::string();
}

bool is_pseudo(std::string_view column) {
  constexpr std::array kNames = {"perplexity", "nats", "log_p", "surprisal"};
  return std::find(kNames.begin(), kNames.end(), column) != kNames.end();
}

}  // namespace

std::string score_text(const std::optional<double>& number, int decimals) {
  return number ? fixed_text(*number, decimals) : "undefined";
}

std::string score_line(std::string name, const std::string& value) {
  name.resize(std::max<std::size_t>(17, name.size() + 1), ' ');
  return name + value + "\n";
}

std::string escaped(std::string_view text) {
  std::string doubled;
  for (const char c : text) doubled.append(c == '\\' ? 2 : 1, c);
  return printable(doubled);
}

JsonValue to_json(const CorpusScore& corpus, const ReportFrame& frame, Macro macro) {
  JsonValue json;
  json.set("documents", corpus.documents);
  set_score(json, corpus.score, frame);
  if (macro == Macro::yes) json.set(prefix(frame) + "macro_perplexity", json_number(corpus.macro_perplexity()));
  const std::optional<StandardError> error = corpus.standard_error();
  json.set("standard_error", json_number(error ? std::optional(error->nats / log_of(frame.base)) : std::nullopt));
  json.set("standard_error_over", error ? JsonValue(error->by_document ? "documents" : "blocks") : JsonValue());
  json.set("nats_fixed", corpus.score.nats.to_text()).set("text_nats_fixed", corpus.score.text_nats.to_text());
  json.set("all_scored", corpus.score.all_scored);
  json.set("by_document", sums_json(corpus.by_document)).set("by_block", sums_json(corpus.by_block));
  if (!frame.model.empty()) json.set("model", frame.model);
  if (!frame.tokenizer.empty()) json.set("tokenizer", frame.tokenizer);
  return json;
}

JsonValue to_json(const DocumentScore& document, const ReportFrame& frame) {
  JsonValue json;
  json.set("document", document.document).set("document_id", document.number);
  set_score(json, document.score, frame);
  return json;
}

JsonValue joined(JsonValue row, const JsonValue& more) {
  if (more.is_null()) return row;
  for (const auto& [key, value] : *more.if_object()) row.set(key, value);
  return row;
}

std::string with_scores(const DocumentScore& document, const ReportFrame& frame, const JsonValue& more,
                        std::optional<Level> level) {
  JsonValue scores;
  scores.set("document_id", document.number);
  set_score(scores, document.score, frame);
  const std::string first = level ? std::string("\"level\":\"") + to_string(*level) + "\"," : std::string();
  const std::string last = std::string(",\"") + kScores + "\":" + joined(std::move(scores), more).dump() + "}";
  std::string_view record = document.record;
  while (!record.empty() && is_white_space(record.back())) record.remove_suffix(1);
  while (!record.empty() && is_white_space(record.front())) record.remove_prefix(1);
  // Line ends are between the parts of the JSON: inside of strings they are escaped.
  std::string line(record);
  std::replace_if(
      line.begin(), line.end(), [](char c) { return c == '\n' || c == '\r'; }, ' ');
  record = line;
  const JsonValue value = JsonValue::parse(record, "document " + std::to_string(document.number));
  if (value.if_object() == nullptr) return "{" + first + "\"text\":" + std::string(record) + last;
  const auto refuse = [&](const char* name) {
    if (value.find(name) == nullptr) return;
    throw Error("cannot add '" + std::string(name) + "' to document " + std::to_string(document.number) +
                ": it has a member of that name; rename it");
  };
  refuse(kScores);
  if (level) refuse("level");
  // The object as it came; it holds its text at least.
  return "{" + first + std::string(record.substr(1, record.size() - 2)) + last;
}

JsonValue to_json(const WordScore& word, const ReportFrame& frame) {
  const std::string pseudo = prefix(frame);
  JsonValue json;
  json.set("document_id", word.document).set("index", word.index).set("word", word.word);
  json.set("start", word.span.start).set("end", word.span.end).set("tokens", word.tokens);
  json.set(pseudo + "nats", json_number(word.nats));
  if (!frame.pseudo) json.set("corrected_nats", json_number(word.corrected_nats));
  const std::optional<double>& surprisal = frame.pseudo ? word.nats : word.corrected_nats;
  return json.set(pseudo + "surprisal", json_number(in_base(surprisal, frame.base)));
}

JsonValue to_json(const TokenScore& token, const ReportFrame& frame, std::string_view likeliest_text) {
  const auto or_null = [&](bool known, auto number) { return known ? JsonValue(number) : JsonValue(); };
  JsonValue json;
  json.set("document_id", token.document)
      .set("index", token.index)
      .set("id", std::int64_t{token.id})
      .set("piece", token.text);
  json.set("start", or_null(token.span.has_value(), token.span.value_or(ByteSpan{}).start));
  json.set("end", or_null(token.span.has_value(), token.span.value_or(ByteSpan{}).end));
  json.set(prefix(frame) + "log_p", token.scored ? json_number(-token.score.nats) : JsonValue());
  json.set("rank", or_null(token.scored, token.score.rank));
  json.set("entropy", token.scored ? json_number(token.score.entropy) : JsonValue());
  json.set("likeliest", or_null(token.scored, std::int64_t{token.score.likeliest}));
  return json.set("likeliest_piece", token.scored ? JsonValue(likeliest_text) : JsonValue());
}

std::vector<std::string> tsv_columns(Level level) {
  switch (level) {
    case Level::corpus:
      return {"perplexity", "nats", "tokens", "words", "bytes", "documents"};
    case Level::document:
      return {"perplexity", "nats", "tokens", "words", "bytes", "document"};
    case Level::word:
      return {"document_id", "index", "word", "start", "end", "tokens", "nats", "corrected_nats", "surprisal"};
    case Level::token:
      break;
  }
  return {"document_id", "index", "id", "piece", "start", "end", "log_p", "rank", "entropy", "likeliest", "likeliest_piece"};
}

std::string tsv_row(const std::vector<std::string>& columns, const JsonValue& row, const ReportFrame& frame) {
  std::string line;
  for (const std::string& column : columns) {
    const JsonValue* value = row.find(is_pseudo(column) ? prefix(frame) + column : column);
    const bool has_none = value != nullptr && value->is_null();
    line += (&column == &columns.front() ? "" : "\t") + (value == nullptr                     ? std::string()
                                                         : has_none && column == "perplexity" ? "inf"
                                                                                              : cell_of(*value));
  }
  return line + "\n";
}

std::string tsv_header(const std::vector<std::string>& columns, const ReportFrame& frame) {
  std::string line;
  for (const std::string& column : columns)
    line += (line.empty() ? "" : "\t") + (is_pseudo(column) ? prefix(frame) : std::string()) + column;
  return line + "\n";
}

std::string to_text(const CorpusScore& corpus, const ReportFrame& frame, Macro macro) {
  const Score& score = corpus.score;
  const std::optional<double> loss = in_base(score.loss(), frame.base);
  const std::string pseudo = frame.pseudo ? "pseudo-" : "";
  const std::string unit = std::string(" ") + unit_of(frame.base) + " a token";
  std::string text;
  text += score_line("documents", std::to_string(corpus.documents));
  text += score_line("tokens", std::to_string(score.tokens));
  text += score_line("words", std::to_string(score.words));
  text += score_line("bytes", std::to_string(score.bytes));
  text += score_line(pseudo + "loss", score_text(loss, 4) + (loss ? unit : ""));
  if (const std::optional<StandardError> error = corpus.standard_error()) {
    text += score_line("standard error", fixed_text(error->nats / log_of(frame.base), 4) + unit + ", over " +
                                             std::to_string(error->clusters) +
                                             (error->by_document ? " documents" : " blocks of windows"));
  }
  text += score_line(pseudo + "perplexity", score_text(score.perplexity(), 4));
  if (macro == Macro::yes) text += score_line("macro " + pseudo + "perplexity", score_text(corpus.macro_perplexity(), 4));
  text += score_line("word " + pseudo + "perplexity", score_text(score.word_perplexity(), 4));
  text += score_line(pseudo + "bits per byte", score_text(score.bits_per_byte(), 4));
  text += score_line("protocol", frame.protocol);
  return text;
}

std::string to_text(const DocumentScore& document) {
  std::string_view begin = std::string_view(document.document).substr(0, kMostBytes);
  const bool cut = begin.size() < document.document.size();
  if (cut) begin.remove_suffix(incomplete_utf8_tail(begin));
  const std::string whole = escaped(begin);
  std::string shown(clip_to_columns(whole, kShownColumns));
  if (cut || shown.size() < whole.size()) shown += "...";
  return align_right(score_text(document.score.perplexity(), 2), 12) + " " +
         align_right(std::to_string(document.score.tokens), 8) + "  " + shown + "\n";
}

std::string to_text(const WordScore& word, const ReportFrame& frame) {
  const std::optional<double>& surprisal = frame.pseudo ? word.nats : word.corrected_nats;
  return align_right(score_text(in_base(surprisal, frame.base), 4), 12) + " " + align_right(std::to_string(word.tokens), 8) +
         "  " + escaped(word.word) + "\n";
}

std::string to_text(const TokenScore& token, const ReportFrame& frame) {
  const auto shown = [&](double nats) {
    return token.scored ? fixed_text(nats / log_of(frame.base), 4) : std::string("undefined");
  };
  return align_right(shown(token.score.nats), 12) + " " +
         align_right(token.scored ? std::to_string(token.score.rank) : "-", 8) + " " +
         align_right(shown(token.score.entropy), 12) + "  " + "\"" + escaped(token.text) + "\"\n";
}

}  // namespace lm
