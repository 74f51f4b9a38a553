// Reports of parts of a corpus, read and added up.
#include "base/error.h"
#include "tasks/evaluate/evaluate_report.h"

namespace lm {

namespace {

FixedSum sum_at(const JsonValue& json, const char* key, std::string_view source) {
  const std::optional<FixedSum> sum = FixedSum::from_text(json.string_at(key, source));
  if (!sum) throw Error("'" + std::string(key) + "' is no whole number in '" + std::string(source) + "'");
  return *sum;
}

std::int64_t count_at(const JsonValue& json, const char* key, std::string_view source) {
  const std::int64_t count = json.integer_at(key, source);
  if (count < 0) throw Error("'" + std::string(key) + "' is negative in '" + std::string(source) + "'");
  return count;
}

ClusterSums clusters_at(const JsonValue& json, const char* key, std::string_view source) {
  const JsonValue* value = json.find(key);
  if (value == nullptr) throw Error("no '" + std::string(key) + "' in '" + std::string(source) + "'");
  return {.clusters = count_at(*value, "clusters", source),
          .tokens_squared = sum_at(*value, "tokens_squared", source),
          .tokens_nats = sum_at(*value, "tokens_nats", source),
          .nats_squared = sum_at(*value, "nats_squared", source)};
}

std::string text_or_nothing(const JsonValue& json, const char* key) {
  const JsonValue* value = json.find(key);
  return value == nullptr || value->if_string() == nullptr ? std::string() : *value->if_string();
}

}  // namespace

CorpusReport corpus_report_from_json(const JsonValue& json, std::string_view source) {
  if (json.find("nats_fixed") == nullptr) {
    throw Error("cannot merge '" + std::string(source) +
                "': it is no report of a corpus (no 'nats_fixed'); lm-eval-ppl --json writes one");
  }
  CorpusReport report;
  report.frame.protocol = json.string_at("protocol", source);
  report.frame.pseudo = json.find("pseudo_nats") != nullptr;
  if (const JsonValue* base = json.find("base")) {
    const std::int64_t number = json.integer_at("base", source);
    if (number != 2 && number != 10) throw Error("the base is " + base->dump() + " in '" + std::string(source) + "'");
    report.frame.base = number == 2 ? LogBase::two : LogBase::ten;
  }
  report.frame.model = text_or_nothing(json, "model");
  report.frame.tokenizer = text_or_nothing(json, "tokenizer");
  CorpusScore& score = report.score;
  score.documents = count_at(json, "documents", source);
  score.score.tokens = count_at(json, "tokens", source);
  score.score.words = count_at(json, "words", source);
  score.score.bytes = count_at(json, "bytes", source);
  score.score.nats = sum_at(json, "nats_fixed", source);
  score.score.text_nats = sum_at(json, "text_nats_fixed", source);
  score.score.all_scored = json.boolean_at("all_scored", source);
  score.by_document = clusters_at(json, "by_document", source);
  score.by_block = clusters_at(json, "by_block", source);
  return report;
}

void merge_report(CorpusReport& whole, const CorpusReport& part, std::string_view source) {
  const auto require_same = [&](const char* what, const std::string& first, const std::string& other) {
    if (first == other) return;
    throw Error("cannot merge '" + std::string(source) + "': its " + what + " is '" + other + "', that of the first '" +
                first + "'; parts must be of one model and protocol");
  };
  require_same("protocol", whole.frame.protocol, part.frame.protocol);
  require_same("model", whole.frame.model, part.frame.model);
  require_same("tokenizer", whole.frame.tokenizer, part.frame.tokenizer);
  require_same("base", unit_of(whole.frame.base), unit_of(part.frame.base));
  require_same("kind of score", whole.frame.pseudo ? "pseudo" : "log-likelihood",
               part.frame.pseudo ? "pseudo" : "log-likelihood");
  whole.score += part.score;
}

}  // namespace lm
