#include "tasks/evaluate/evaluation_saves.h"

#include <limits>
#include <utility>

#include "base/error.h"
#include "base/json_number.h"
#include "tasks/evaluate/evaluate_report.h"

namespace lm {

DocumentTokens EvaluationSaves::begin(Evaluator& evaluator, DocumentFilter& filter, DocumentTokens documents) {
  std::string hash;
  if (resumes()) {
    const JournalEntry& entry = *outputs_.entry();
    restore(entry, evaluator, filter);
    documents_ = entry.documents;
    hash = entry.hash;
    notice_("resuming after " + std::to_string(documents_) + " documents");
  }
  read_.emplace(std::move(documents), documents_, std::move(hash));
  return read_->sink();
}

void EvaluationSaves::restore(const JournalEntry& entry, Evaluator& evaluator, DocumentFilter& filter) const {
  const JsonValue& state = entry.state;
  const std::string source = "the journal";
  const JsonValue* report = state.find("report");
  if (report == nullptr) throw Error("cannot resume: the journal is damaged: it has no 'report'");
  CorpusScore total = corpus_report_from_json(*report, source).score;
  if (total.documents != entry.documents) throw Error("cannot resume: the journal is damaged: its numbers disagree");
  const JsonValue* sum = state.find("perplexity_sum");
  if (sum == nullptr || !sum->to_double(total.perplexity_sum))
    total.perplexity_sum = std::numeric_limits<double>::infinity();
  total.perplexity_count = state.integer_at("perplexity_count", source);
  evaluator.resume(total);
  double bound = 0;
  const JsonValue* saved = state.find("max_perplexity");
  const bool has_bound = saved != nullptr && saved->to_double(bound);
  filter.resume(state.integer_at("kept", source), state.integer_at("left_out", source),
                has_bound ? std::optional(bound) : std::nullopt);
}

void EvaluationSaves::document_done() {
  hash_ = read_->take_hash();
  ++documents_;
}

void EvaluationSaves::save_if_due(const CorpusScore& total, const DocumentFilter& filter) {
  constexpr std::chrono::seconds kInterval{2};
  if (Clock::now() - last_ < kInterval) return;
  JsonValue state;
  state.set("report", to_json(total, {}, Macro::no)).set("perplexity_sum", json_number(total.perplexity_sum));
  state.set("perplexity_count", total.perplexity_count).set("kept", filter.kept()).set("left_out", filter.rejected());
  if (filter.max_perplexity()) state.set("max_perplexity", *filter.max_perplexity());
  outputs_.save({.documents = documents_, .hash = hash_, .state = std::move(state)});
  last_ = Clock::now();
}

}  // namespace lm
