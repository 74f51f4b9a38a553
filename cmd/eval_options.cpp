#include "eval_options.h"

#include <string_view>
#include <vector>

#include "inputs.h"
#include "named_files.h"
#include "options.h"
#include "output_names.h"
#include "token_formats.h"
#include "tokenizer_options.h"

namespace lm::cmd {
namespace {

void add_report_options(CLI::App& app, EvalOptions& options) {
  EvaluationRequest& request = options.request;
  add_choice(app, "--level", request.level, "what a report is about: all documents, or each");
  add_choice(app, "--base", request.base, "of the logarithm in the loss");
  app.add_flag("--macro", options.macro, "report the mean of the documents' perplexities too");
  app.add_flag("--json", options.json, "print one JSON object a line");
  app.add_flag("--tsv", options.tsv, "print tab-separated values");
  app.add_flag("--header", request.header, "print the names of the columns first (with --tsv)");
  add_text(app, "-o,--output", options.output, "where to write", "FILE");
  add_real(app, "--max-perplexity", request.max_perplexity, "leave out documents above it (with --level document)");
  add_real(app, "--min-perplexity", request.min_perplexity, "leave out documents below it (with --level document)");
  add_text(app, "--rejected", options.rejected, "write the documents that are left out here", "FILE");
}

bool set_protocol(WindowPlan& plan, const std::string& text) {
  constexpr std::string_view kWithStride = "hf-stride:";
  if (text.starts_with(kWithStride)) {
    plan.protocol = Protocol::hf_stride;
    plan.stride = parse_size(text.substr(kWithStride.size()), SizeUnit::count).value_or(0);
    return plan.stride > 0;
  }
  plan.protocol = text == to_string(Protocol::lm_eval) ? Protocol::lm_eval : Protocol::llama_cpp;
  return text == to_string(plan.protocol);
}

}  // namespace

void add_eval_options(CLI::App& app, EvalOptions& options) {
  options.app = &app;
  EvaluationRequest& request = options.request;
  add_model(app, options.model, options.tokenizer_options);
  add_files(app, "FILE", options.inputs.files, "text, folders of texts, or token streams (default: standard input, as -)");
  add_files_from(app, options.inputs);
  add_documents(app, request.documents, "how text is cut: file, line, nul, jsonl[:FIELD] or separator:STRING");
  add_binary(app, request.documents.accept);
  add_size(app, "--context", options.context, "tokens that predict at most (default: the model's context)");
  add_size(app, "--stride", options.stride, "tokens scored in a window after the first (default: half of the context)");
  app.add_flag("--score-end", request.plan.score_end, "score the end-of-text that closes each document too");
  add_parsed(app, "--protocol", "hf-stride:S|lm-eval|llama.cpp", "", "reproduce another program", "",
             [&](const std::string& text) {
               options.protocol = text;
               if (set_protocol(request.plan, text)) return true;
               refuse_word(app, "--protocol", {"protocol", {"hf-stride:S", "lm-eval", "llama.cpp"}}, text);
             });
  add_choice(app, "--scoring", options.scoring, "what is scored (auto: as the model was trained)", "auto",
             {Scoring::left_to_right, Scoring::pseudo, Scoring::span});
  app.add_flag("--within-word", options.within_word, "with a masked model: hide the later pieces of a token's word too");
  app.add_flag("--infilling", options.infilling,
               "score the middles of tasks, JSON lines: prompt, suffix, canonical_solution");
  std::vector<std::string> layouts = fim_layout_names();
  layouts.insert(layouts.begin(), "none");
  add_word(app, "--layout", {"layout", layouts}, request.layout,
           "with --infilling: order and tokens of the parts; none: the prefix only",
           [&](const std::string& word) { request.layout = word; });
  add_report_options(app, options);
}

namespace {

void check_usage(const EvalOptions& options) {
  const auto given = [&](const char* name) { return options.app->count(name) > 0; };
  const EvaluationRequest& request = options.request;
  const bool by_document = request.level == Level::document;
  if (options.json && options.tsv) throw UsageError("--json and --tsv exclude each other");
  if (request.header && !options.tsv) throw UsageError("--header goes with --tsv");
  const bool filters = request.max_perplexity || request.min_perplexity || !options.rejected.empty();
  if (filters && !by_document)
    throw UsageError("--max-perplexity, --min-perplexity and --rejected go with --level document");
  if (given("--layout") && !options.infilling) throw UsageError("--layout goes with --infilling");
  const bool by_windows =
      options.context || options.stride || !options.protocol.empty() || request.plan.score_end || options.within_word;
  const bool cut = request.documents.kind != DocumentKind::Kind::file || request.documents.accept == Accept::anything;
  if (options.infilling && (options.tsv || filters || by_document || options.macro || by_windows || options.scoring || cut))
    throw UsageError("--infilling goes with --layout, --base and --json only");
  if (options.macro && by_document) throw UsageError("--macro goes with --level corpus");
  if (options.protocol.empty()) return;
  if (options.stride) throw UsageError("--stride does not go with --protocol, which fixes it");
  if (request.plan.score_end && request.plan.protocol != Protocol::lm_eval)
    throw UsageError("--score-end does not go with --protocol " + options.protocol + ", which has no end-of-text");
}

void check_scoring(const EvalOptions& options, Scoring scoring) {
  if (options.within_word && scoring != Scoring::pseudo) throw UsageError("--within-word goes with --scoring pseudo");
  if (scoring != Scoring::pseudo && scoring != Scoring::span) return;
  if (options.stride || options.request.plan.score_end || !options.protocol.empty())
    throw UsageError("--stride, --score-end and --protocol go with scoring from left to right");
  if (scoring == Scoring::pseudo) return;
  if (options.request.level == Level::document || options.tsv || options.macro || options.context ||
      options.request.base != LogBase::e)
    throw UsageError("of a span model, only the whole corpus is scored, as text or --json, in the model's context");
}

std::vector<std::string> find_files(const EvalOptions& options, const CommonOptions& common) {
  NamedFiles named(common);
  named.reads("MODEL", options.model);
  named.writes("-o", options.output);
  named.writes("--rejected", options.rejected);
  return find_inputs(named, options.inputs, FileUse::scored, options.request.documents.accept);
}

}  // namespace

std::vector<std::string> check_eval_options(const EvalOptions& options, const CommonOptions& common) {
  check_usage(options);
  std::vector<std::string> files = find_files(options, common);
  check_output_name("-o", options.output, OutputKind::text);
  check_output_name("--rejected", options.rejected, OutputKind::text);
  return files;
}

Scoring scoring_of(const EvalOptions& options, const TextModel& model) {
  const Scoring scoring = options.infilling     ? Scoring::infilling
                          : options.scoring     ? *options.scoring
                          : options.within_word ? Scoring::pseudo
                                                : default_scoring(model);
  check_scoring(options, scoring);
  return scoring;
}

EvaluationRequest request_of(const EvalOptions& options, Scoring scoring) {
  EvaluationRequest request = options.request;
  request.scoring = scoring;
  request.plan.context = options.context.value_or(0);
  if (options.stride) request.plan.stride = *options.stride;
  if (scoring == Scoring::pseudo) request.plan.pseudo = options.within_word ? Pseudo::within_word : Pseudo::token;
  request.macro = options.macro ? Macro::yes : Macro::no;
  request.form = options.json ? ReportForm::json : options.tsv ? ReportForm::tsv : ReportForm::text;
  return request;
}

}  // namespace lm::cmd
