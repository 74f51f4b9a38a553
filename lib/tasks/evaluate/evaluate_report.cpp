#include "tasks/evaluate/evaluate_report.h"

#include <algorithm>
#include <limits>
#include <numbers>

#include "base/json_number.h"
#include "base/number_text.h"
#include "base/printable.h"
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

/// Returns a document on one line, from which it can be read back; nothing in it is for a terminal to obey.
std::string escaped(std::string_view text) {
  std::string doubled;
  for (const char c : text) doubled.append(c == '\\' ? 2 : 1, c);
  return printable(doubled);
}

void set_score(JsonValue& json, const Score& score, const WindowPlan& plan, LogBase base) {
  const std::optional<double> loss = score.loss();
  const std::string pseudo = plan.pseudo == Pseudo::no ? "" : "pseudo_";
  json.set("tokens", score.tokens);
  json.set("words", score.words);
  json.set("bytes", score.bytes);
  json.set(pseudo + "nats", json_number(score.nats));
  json.set(pseudo + "loss", json_number(loss ? std::optional(*loss / log_of(base)) : std::nullopt));
  json.set(pseudo + "perplexity", json_number(score.perplexity()));
  json.set(pseudo + "word_perplexity", json_number(score.word_perplexity()));
  json.set(pseudo + "bits_per_byte", json_number(score.bits_per_byte()));
  json.set("protocol", describe(plan));
  if (base != LogBase::e) json.set("base", base == LogBase::two ? 2 : 10);
}

std::string tsv_row(const Score& score, std::string_view last) {
  const double perplexity = score.perplexity().value_or(std::numeric_limits<double>::infinity());
  return exact_text(perplexity) + "\t" + exact_text(score.nats) + "\t" + std::to_string(score.tokens) + "\t" +
         std::to_string(score.words) + "\t" + std::to_string(score.bytes) + "\t" + std::string(last) + "\n";
}

}  // namespace

std::string score_text(const std::optional<double>& number, int decimals) {
  return number ? fixed_text(*number, decimals) : "undefined";
}

std::string score_line(std::string name, const std::string& value) {
  name.resize(std::max<std::size_t>(17, name.size() + 1), ' ');
  return name + value + "\n";
}

JsonValue to_json(const CorpusScore& corpus, const WindowPlan& plan, LogBase base, Macro macro) {
  JsonValue json;
  json.set("documents", corpus.documents);
  set_score(json, corpus.score, plan, base);
  if (macro == Macro::yes)
    json.set(plan.pseudo == Pseudo::no ? "macro_perplexity" : "pseudo_macro_perplexity",
             json_number(corpus.macro_perplexity()));
  return json;
}

JsonValue to_json(const DocumentScore& document, const WindowPlan& plan, LogBase base) {
  JsonValue json;
  json.set("document", document.document);
  set_score(json, document.score, plan, base);
  return json;
}

std::string to_tsv(const CorpusScore& corpus) { return tsv_row(corpus.score, std::to_string(corpus.documents)); }

std::string to_tsv(const DocumentScore& document) { return tsv_row(document.score, escaped(document.document)); }

std::string tsv_header(std::string_view last_column, const WindowPlan& plan) {
  const std::string pseudo = plan.pseudo == Pseudo::no ? "" : "pseudo_";
  return pseudo + "perplexity\t" + pseudo + "nats\ttokens\twords\tbytes\t" + std::string(last_column) + "\n";
}

std::string to_text(const CorpusScore& corpus, const WindowPlan& plan, LogBase base, Macro macro) {
  const Score& score = corpus.score;
  std::optional<double> loss = score.loss();
  if (loss) *loss /= log_of(base);
  const std::string pseudo = plan.pseudo == Pseudo::no ? "" : "pseudo-";
  std::string text;
  text += score_line("documents", std::to_string(corpus.documents));
  text += score_line("tokens", std::to_string(score.tokens));
  text += score_line("words", std::to_string(score.words));
  text += score_line("bytes", std::to_string(score.bytes));
  text += score_line(pseudo + "loss", score_text(loss, 4) + (loss ? std::string(" ") + unit_of(base) + " a token" : ""));
  text += score_line(pseudo + "perplexity", score_text(score.perplexity(), 4));
  if (macro == Macro::yes) text += score_line("macro " + pseudo + "perplexity", score_text(corpus.macro_perplexity(), 4));
  text += score_line("word " + pseudo + "perplexity", score_text(score.word_perplexity(), 4));
  text += score_line(pseudo + "bits per byte", score_text(score.bits_per_byte(), 4));
  text += score_line("protocol", describe(plan));
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

}  // namespace lm
