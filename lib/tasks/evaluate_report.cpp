#include "tasks/evaluate_report.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <limits>
#include <numbers>

#include "text/unicode.h"

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

constexpr std::size_t kShownBytes = 60;  // of a document, on a line for people

JsonValue number_or_null(const std::optional<double>& number) { return number ? JsonValue(*number) : JsonValue(); }

/// The shortest decimal that reads back to the same double.
std::string exact(double number) {
  char buffer[32];
  const std::to_chars_result result = std::to_chars(buffer, buffer + sizeof buffer, number);
  return std::string(buffer, result.ptr);
}

std::string for_people(const std::optional<double>& number, const char* format) {
  if (!number) return "undefined";
  char buffer[64];
  std::snprintf(buffer, sizeof buffer, format, *number);
  return buffer;
}

std::string escaped(std::string_view text) {
  std::string result;
  for (const char c : text) {
    switch (c) {
      case '\\':
        result += "\\\\";
        break;
      case '\t':
        result += "\\t";
        break;
      case '\n':
        result += "\\n";
        break;
      case '\r':
        result += "\\r";
        break;
      default:
        result += c;
    }
  }
  return result;
}

void set_score(JsonValue& json, const Score& score, const WindowPlan& plan, LogBase base) {
  const std::optional<double> loss = score.loss();
  const std::string pseudo = plan.pseudo == Pseudo::no ? "" : "pseudo_";
  json.set("tokens", score.tokens);
  json.set("words", score.words);
  json.set("bytes", score.bytes);
  json.set(pseudo + "nats", score.nats);
  json.set(pseudo + "loss", loss ? JsonValue(*loss / log_of(base)) : JsonValue());
  json.set(pseudo + "perplexity", number_or_null(score.perplexity()));
  json.set(pseudo + "word_perplexity", number_or_null(score.word_perplexity()));
  json.set(pseudo + "bits_per_byte", number_or_null(score.bits_per_byte()));
  json.set("protocol", describe(plan));
  if (base != LogBase::e) json.set("base", base == LogBase::two ? 2 : 10);
}

std::string tsv_row(const Score& score, std::string_view last) {
  const double perplexity = score.perplexity().value_or(std::numeric_limits<double>::infinity());
  return exact(perplexity) + "\t" + exact(score.nats) + "\t" + std::to_string(score.tokens) + "\t" +
         std::to_string(score.words) + "\t" + std::to_string(score.bytes) + "\t" + std::string(last) + "\n";
}

std::string table_line(std::string name, const std::string& value) {
  name.resize(std::max<std::size_t>(17, name.size() + 1), ' ');
  return name + value + "\n";
}

}  // namespace

JsonValue to_json(const CorpusScore& corpus, const WindowPlan& plan, LogBase base, Macro macro) {
  JsonValue json;
  json.set("documents", corpus.documents);
  set_score(json, corpus.score, plan, base);
  if (macro == Macro::yes)
    json.set(plan.pseudo == Pseudo::no ? "macro_perplexity" : "pseudo_macro_perplexity",
             number_or_null(corpus.macro_perplexity()));
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
  text += table_line("documents", std::to_string(corpus.documents));
  text += table_line("tokens", std::to_string(score.tokens));
  text += table_line("words", std::to_string(score.words));
  text += table_line("bytes", std::to_string(score.bytes));
  text +=
      table_line(pseudo + "loss", for_people(loss, "%.4f") + (loss ? std::string(" ") + unit_of(base) + " a token" : ""));
  text += table_line(pseudo + "perplexity", for_people(score.perplexity(), "%.4f"));
  if (macro == Macro::yes)
    text += table_line("macro " + pseudo + "perplexity", for_people(corpus.macro_perplexity(), "%.4f"));
  text += table_line("word " + pseudo + "perplexity", for_people(score.word_perplexity(), "%.4f"));
  text += table_line(pseudo + "bits per byte", for_people(score.bits_per_byte(), "%.4f"));
  text += table_line("protocol", describe(plan));
  return text;
}

std::string to_text(const DocumentScore& document) {
  std::string shown = escaped(std::string_view(document.document).substr(0, kShownBytes));
  shown.resize(shown.size() - incomplete_utf8_tail(shown));
  if (document.document.size() > kShownBytes) shown += "...";
  char numbers[80];
  std::snprintf(numbers, sizeof numbers, "%12s %8lld  ", for_people(document.score.perplexity(), "%.2f").c_str(),
                static_cast<long long>(document.score.tokens));
  return numbers + shown + "\n";
}

}  // namespace lm
