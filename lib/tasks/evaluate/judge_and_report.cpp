#include "tasks/evaluate/judge_and_report.h"

#include "tasks/evaluate/cloze.h"
#include "tasks/evaluate/judgement_report.h"
#include "tasks/evaluate/pairs.h"
#include "tasks/evaluate/report_hashes.h"

namespace lm {
namespace {

/// Takes judgements as they come, as rows or into the tables.
struct JudgementSink {
  JudgementSink(const EvaluationRequest& request, OutputStream& output)
      : by_item(request.levels.front() == Level::document), rows(request.form, request.header, output) {}
  void add(const Judgement& judgement, bool last_word) {
    if (by_item) return rows.add(judgement, last_word);
    all.add(judgement);
  }
  bool by_item;
  JudgementRows rows;
  Judgements all;
};

void write_tables(const JudgementSink& sink, JudgementFrame frame, const TextModel& model, const EvaluationRequest& request,
                  OutputStream& output) {
  if (sink.by_item) return;
  switch (request.form) {
    case ReportForm::text:
      return output.write(to_text(sink.all, frame));
    case ReportForm::tsv:
      return output.write(to_tsv(sink.all, frame, request.header));
    case ReportForm::json:
      frame.model = weights_hash(model);
      frame.tokenizer = tokenizer_hash(model.tokenizer);
      return output.write(to_json(sink.all, frame).dump() + "\n");
  }
}

}  // namespace

void judge_cloze_and_report(Compute& compute, const TextModel& model, const EvaluationRequest& request, OutputStream& output,
                            const EvaluationProgress& progress) {
  JudgementSink sink(request, output);
  ClozeEvaluator evaluator(compute, model, request.plan, request.normalize,
                           [&](const Judgement& judgement) { sink.add(judgement, evaluator.last_words()); });
  std::int64_t count = 0;
  for_each_cloze_item(request.inputs, [&](const ClozeItem& item, const std::string& source) {
    evaluator.add(item, source);
    progress(++count, "items");
  });
  evaluator.finish();
  write_tables(sink, {.task = "cloze", .last_words = evaluator.last_words(), .protocol = evaluator.protocol()}, model,
               request, output);
}

void judge_pairs_and_report(Compute& compute, const TextModel& model, const EvaluationRequest& request, OutputStream& output,
                            const EvaluationProgress& progress) {
  JudgementSink sink(request, output);
  PairsEvaluator evaluator(compute, model, request.plan, [&](const Judgement& judgement) { sink.add(judgement, false); });
  std::int64_t count = 0;
  for_each_pair(request.inputs, [&](const SentencePair& pair, const std::string& source) {
    evaluator.add(pair, source);
    progress(++count, "pairs");
  });
  evaluator.finish();
  write_tables(sink, {.task = "pairs", .protocol = evaluator.protocol()}, model, request, output);
}

}  // namespace lm
