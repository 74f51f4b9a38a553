// What lm-eval-ppl prints of judgements: tables for people, as JSON, and as tab-separated values.
#pragma once

#include <string>
#include <vector>

#include "base/file.h"
#include "tasks/evaluate/evaluate_report.h"
#include "tasks/evaluate/judgements.h"

namespace lm {

/// What stands beside the numbers.
struct JudgementFrame {
  std::string task = {};    // "cloze" or "pairs"
  bool last_words = false;  // perplexities in place of margins and chance
  std::string protocol = {};
  std::string model = {};      // hash of the model, in JSON; may be empty
  std::string tokenizer = {};  // tokenizer_hash()
};

/// Returns the members items, groups (null if there are none), accuracy, accuracy_low, accuracy_high, and chance, margin,
/// margin_low, margin_high or, of last words, tokens, nats, perplexity, word_perplexity. What is not known is null.
JsonValue to_json(const Tally& tally, const JudgementFrame& frame);
/// Returns an object of the task's name, with all items, and by_kind and by_phenomenon, arrays whose rows begin with kind and
/// phenomenon.
JsonValue to_json(const Judgements& judgements, const JudgementFrame& frame);
/// Returns a table of one value a line, then one by kind and one by phenomenon, if there are any.
std::string to_text(const Judgements& judgements, const JudgementFrame& frame);
/// Returns a line for all items, whose kind and phenomenon are empty, each kind and each phenomenon.
std::string to_tsv(const Judgements& judgements, const JudgementFrame& frame, bool header);

/// Returns the members item, kind, phenomenon, group, right, margin, scores, answer, text; of a last word right, log_p, tokens and
/// text after the first four.
JsonValue to_json(const Judgement& judgement, bool last_word);
/// Returns one line: margin (of a last word, its log p), whether the item is right, and its text.
std::string to_text(const Judgement& judgement, bool last_word);

/// Writes a row for each judgement, and before the first one the names of the columns, if `header`.
class JudgementRows {
 public:
  JudgementRows(ReportForm form, bool header, OutputStream& output) : form_(form), header_(header), output_(output) {}
  void add(const Judgement& judgement, bool last_word);

 private:
  ReportForm form_;
  bool header_;
  OutputStream& output_;
};

}  // namespace lm
