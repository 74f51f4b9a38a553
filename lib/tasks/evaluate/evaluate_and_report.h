// One call for an evaluation: reads inputs, scores them, and writes the report.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/choice.h"
#include "base/file.h"
#include "kernels/compute.h"
#include "objectives/fim_layout.h"
#include "tasks/evaluate/cloze.h"
#include "tasks/evaluate/document_filter.h"
#include "tasks/evaluate/level_report.h"
#include "tasks/evaluate/limits.h"
#include "tasks/evaluate/resumable_outputs.h"
#include "tasks/score/windows.h"
#include "tasks/text_model.h"
#include "text/documents.h"

namespace lm {

/// What is scored: tokens from left to right or, of a masked model, hidden one at a time; spans that are hidden; or the
/// middles of infilling tasks.
enum class Scoring { left_to_right, pseudo, span, infilling };
template <>
inline constexpr auto kChoices<Scoring> = choice_table<Scoring>("scoring", {{"left-to-right", Scoring::left_to_right},
                                                                            {"pseudo", Scoring::pseudo},
                                                                            {"span", Scoring::span},
                                                                            {"infilling", Scoring::infilling}});

/// What the inputs hold: documents (or infilling tasks), cloze items, or pairs of sentences.
enum class Inquiry { documents, cloze, pairs };

struct EvaluationRequest {
  std::vector<std::string> inputs = {};
  Inquiry inquiry = Inquiry::documents;
  DocumentKind documents = {};
  Scoring scoring = Scoring::left_to_right;
  WindowPlan plan = {};  // its `pseudo` is Pseudo::no except with Scoring::pseudo
  std::string layout = kAutoFimLayout;
  Normalize normalize = Normalize::none;        // of cloze items
  std::vector<Level> levels = {Level::corpus};  // each once, in the order of the enum
  WordBegin word_begin = WordBegin::all;
  std::string words = {};  // a file of the words of all documents; empty: they are found in the text
  LogBase base = LogBase::e;
  Macro macro = Macro::no;
  ReportForm form = ReportForm::text;
  bool header = false;
  bool line_buffered = false;
  FilterOptions filter = {};    // with the level `document` only
  LimitsRequest limits = {};    // only with Scoring::left_to_right
  std::string importance = {};  // a file for the mean squares of what matrices read; empty: none
};

/// Where the report goes, and the documents that it leaves out.
struct EvaluationOutputs {
  OutputStream& report;
  OutputStream* rejected = nullptr;
  ResumableOutputs* resumable = nullptr;  // that both belong to, if the run can be resumed: only with Scoring left_to_right
                                          // and pseudo, and without words and tokens
  std::function<void(const std::string& notice)> notice = [](const std::string&) {};  // for people
};

/// Is called now and then during the work: "1200" "tokens".
using EvaluationProgress = std::function<void(std::int64_t count, const char* unit)>;

/// Returns what the model was trained to predict, as far as it can be scored.
Scoring default_scoring(const TextModel& model);

/// Scores the inputs and writes the report. Of the options of the report, Scoring::span uses only `form` (text or JSON), and
/// Scoring::infilling only `form` and `base`; for cloze items and pairs see judge_and_report.h. Throws Error if the model was not trained for what is scored.
void evaluate_and_report(Compute& compute, const TextModel& model, const EvaluationRequest& request,
                         const EvaluationOutputs& outputs, const EvaluationProgress& progress);

/// Returns what a resumed run must have in common with the one before, for ResumableOutputs.
JsonValue settings_to_resume(const TextModel& model, const EvaluationRequest& request, SimdTier tier,
                             const std::string& rejected);

/// Adds up the reports of parts of a corpus, which are JSON, and writes that of the whole. Throws Error.
void merge_and_report(const std::vector<std::string>& paths, ReportForm form, bool header, OutputStream& output);

}  // namespace lm
