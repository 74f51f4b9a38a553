#include "eval_options.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include "eval_modes.h"
#include "inputs.h"
#include "named_files.h"
#include "options.h"
#include "output_names.h"
#include "sampling_options.h"
#include "token_formats.h"
#include "tokenizer_options.h"

namespace lm::cmd {
namespace {

/// Reads "document,token" into the order of the enum, each once.
std::vector<Level> read_levels(const CLI::App& app, const std::string& text) {
  std::vector<Level> levels;
  std::size_t start = 0;
  while (start <= text.size()) {
    const std::size_t end = std::min(text.find(',', start), text.size());
    const std::string word = text.substr(start, end - start);
    const std::optional<Level> level = find_choice<Level>(word);
    if (!level) refuse_word(app, "--level", {"level", choice_words<Level>()}, word);
    levels.push_back(*level);
    start = end + 1;
  }
  std::sort(levels.begin(), levels.end());
  levels.erase(std::unique(levels.begin(), levels.end()), levels.end());
  return levels;
}

void add_report_options(CLI::App& app, EvalOptions& options) {
  EvaluationRequest& request = options.request;
  add_parsed(app, "--level", "corpus|document|word|token[,...]", "corpus", "what rows of a report are about", "",
             [&](const std::string& text) {
               request.levels = read_levels(app, text);
               return true;
             });
  add_choice(app, "--word-begin", request.word_begin,
             "what corrected surprisals take for the beginning of a word: any whitespace and the end, or a space only");
  add_text(app, "--words", request.words, "with --level word: the words of the texts, one a line", "FILE");
  add_choice(app, "--base", request.base, "of the logarithm in the loss");
  app.add_flag("--macro", options.macro, "report the mean of the documents' perplexities too");
  app.add_flag("--json", options.json, "print one JSON object a line");
  app.add_flag("--tsv", options.tsv, "print tab-separated values");
  app.add_flag("--header", request.header, "print the names of the columns first (with --tsv)");
  app.add_flag("--line-buffered", request.line_buffered, "score and print each document as soon as it has come");
  app.add_flag_callback(
      "--merge",
      [&app, &options] {
        options.merge = true;
        app.get_option("MODEL")->required(false);
      },
      "add up reports of parts of a corpus, made with --json, in place of MODEL and FILE");
  add_text(app, "-o,--output", options.output, "where to write", "FILE");
  add_real(app, "--max-perplexity", request.filter.max_perplexity, "leave out documents above it (with --level document)");
  add_real(app, "--min-perplexity", request.filter.min_perplexity, "leave out documents below it (with --level document)");
  add_real(app, "--keep-fraction", request.filter.keep_fraction,
           "leave out all but this fraction, by the perplexities of the first 10,000 documents",
           {.minimum = 0, .maximum = 1});
  add_text(app, "--rejected", options.rejected, "write the documents that are left out here", "FILE");
  add_text(app, "--importance", request.importance,
           "write the mean squares of what matrices read here, for lm-convert --importance", "FILE");
  app.add_flag("--resume", options.resume, "continue an interrupted run that had this option too, or begin one (with -o)");
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
  add_products(app, options.products);
  app.add_flag("--within-word", options.within_word, "with a masked model: hide the later pieces of a token's word too");
  app.add_flag("--infilling", options.infilling,
               "score the middles of tasks, JSON lines: prompt, suffix, canonical_solution");
  std::vector<std::string> layouts = fim_layout_names();
  layouts.insert(layouts.begin(), {kAutoFimLayout, "none"});
  add_word(app, "--layout", {"layout", layouts}, request.layout,
           "with --infilling: order and tokens of the parts; none: the prefix only",
           [&](const std::string& word) { request.layout = word; });
  add_mode_options(app, options);
  add_feature_options(app, options.features);
  add_report_options(app, options);
  add_limit_options(app, options.limits);
}

namespace {

/// Returns whether the report has a number to the base of --base.
bool shows_base(const EvalOptions& options) {
  const std::vector<Level>& levels = options.request.levels;
  const auto has = [&](Level level) { return std::find(levels.begin(), levels.end(), level) != levels.end(); };
  if (options.tsv) return has(Level::word) || (has(Level::document) && !options.limits.against.empty());
  return levels != std::vector{options.json ? Level::token : Level::document};
}

void check_usage(const EvalOptions& options) {
  const auto given = [&](const char* name) { return options.app->count(name) > 0; };
  const EvaluationRequest& request = options.request;
  const auto has = [&](Level level) {
    return std::find(request.levels.begin(), request.levels.end(), level) != request.levels.end();
  };
  const bool by_document = request.levels != std::vector{Level::corpus};
  if (options.merge) return check_merge(options);
  if (judges(options)) return check_judging(options);
  if (given("--features") || given("--classify")) return check_feature_options(options);
  if (options.json && options.tsv) throw UsageError("--json and --tsv exclude each other");
  if (request.header && !options.tsv) throw UsageError("--header goes with --tsv");
  const bool filters = request.filter.filters() || !options.rejected.empty();
  if (filters && request.levels != std::vector{Level::document})
    throw UsageError("--max-perplexity, --min-perplexity, --keep-fraction and --rejected go with --level document");
  if (request.filter.keep_fraction && request.filter.max_perplexity)
    throw UsageError("--keep-fraction and --max-perplexity exclude each other");
  if (options.resume && (has(Level::word) || has(Level::token)))
    throw UsageError("--resume goes with --level document and corpus");
  if (options.resume && options.limits.any())
    throw UsageError("--resume does not go with --against, --calibration, --by-frequency and --continuations");
  if (options.resume && options.rejected == "-") throw UsageError("--resume needs a file for --rejected, not -");
  if (options.resume && options.output == "-") throw UsageError("--resume needs -o FILE, beside which it keeps its journal");
  if (options.products == WeightProducts::int8 && !request.importance.empty())
    throw UsageError("--importance is for weights before they are quantized; leave --products int8 out");
  if (options.resume && !request.importance.empty()) throw UsageError("--resume does not go with --importance");
  if (given("--normalize")) throw UsageError("--normalize goes with --cloze or --probes");
  if (given("--layout") && !options.infilling) throw UsageError("--layout goes with --infilling");
  const bool by_windows =
      options.context || options.stride || !options.protocol.empty() || request.plan.score_end || options.within_word;
  const bool cut = request.documents.kind != DocumentKind::Kind::file || request.documents.accept == Accept::anything;
  if (options.infilling && (options.tsv || filters || by_document || options.macro || by_windows || options.scoring || cut ||
                            options.resume || !request.importance.empty()))
    throw UsageError("--infilling goes with --layout, --base and --json only");
  if (options.macro && (!has(Level::corpus) || options.tsv))
    throw UsageError("--macro goes with --level corpus, as text or --json");
  if (given("--base") && !shows_base(options))
    throw UsageError(
        "--base goes with what depends on it: the report as text or, of corpus, documents and words, --json; in --tsv "
        "only the surprisal of --level word and the difference of --against");
  if (!request.words.empty() && !has(Level::word)) throw UsageError("--words goes with --level word");
  if (given("--word-begin") && !has(Level::word)) throw UsageError("--word-begin goes with --level word");
  check_limit_options(options.limits, request.levels, report_form(options));
  if (options.protocol.empty()) return;
  if (options.stride) throw UsageError("--stride does not go with --protocol, which fixes it");
  if (request.plan.score_end && request.plan.protocol != Protocol::lm_eval)
    throw UsageError("--score-end does not go with --protocol " + options.protocol + ", which has no end-of-text");
}

void check_scoring(const EvalOptions& options, Scoring scoring) {
  check_limit_options(options.limits, scoring);
  if (options.within_word && scoring != Scoring::pseudo) throw UsageError("--within-word goes with --scoring pseudo");
  if (scoring != Scoring::left_to_right && !options.request.importance.empty())
    throw UsageError("--importance goes with scoring from left to right");
  if (scoring != Scoring::pseudo && scoring != Scoring::span) return;
  if (options.stride || options.request.plan.score_end || !options.protocol.empty())
    throw UsageError("--stride, --score-end and --protocol go with scoring from left to right");
  if (scoring == Scoring::pseudo) return;
  if (options.request.levels != std::vector{Level::corpus} || options.tsv || options.macro || options.context ||
      options.request.base != LogBase::e)
    throw UsageError("of a span model, only the whole corpus is scored, as text or --json, in the model's context");
}

std::vector<std::string> find_files(const EvalOptions& options, const CommonOptions& common) {
  NamedFiles named(common);
  named.reads("MODEL", options.model);
  named.reads("--words", options.request.words);
  name_limit_files(options.limits, named);
  named.writes("--features", options.features.output);
  if (!options.features.any() || !options.features.classify.empty()) named.writes("-o", options.output);
  named.writes("--rejected", options.rejected);
  named.writes("--importance", options.request.importance);
  if (options.resume) {
    for (const char* end : {".partial", ".journal"}) named.writes("the working files of -o", options.output + end);
    if (!options.rejected.empty()) named.writes("the working file of --rejected", options.rejected + ".partial");
  }
  if (options.merge) {
    named.reads("FILE", options.inputs.files);
    named.check();
    return options.inputs.files;
  }
  if (options.probes) {
    std::vector<std::string> probes = find_probes();
    named.reads("--probes", probes);
    named.check();
    return probes;
  }
  const FileUse use = judges(options) ? FileUse::text : FileUse::scored;
  return find_inputs(named, options.inputs, use, options.request.documents.accept);
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
  if (options.cloze || options.probes) return Scoring::left_to_right;
  const Scoring scoring = options.infilling     ? Scoring::infilling
                          : options.scoring     ? *options.scoring
                          : options.within_word ? Scoring::pseudo
                                                : default_scoring(model);
  check_scoring(options, scoring);
  return scoring;
}

ReportForm report_form(const EvalOptions& options) {
  return options.json ? ReportForm::json : options.tsv ? ReportForm::tsv : ReportForm::text;
}

EvaluationRequest request_of(const EvalOptions& options, Scoring scoring) {
  EvaluationRequest request = options.request;
  if (judges(options)) request.inquiry = options.pairs ? Inquiry::pairs : Inquiry::cloze;
  request.scoring = scoring;
  request.plan.context = options.context.value_or(0);
  if (options.stride) request.plan.stride = *options.stride;
  if (scoring == Scoring::pseudo) request.plan.pseudo = options.within_word ? Pseudo::within_word : Pseudo::token;
  request.macro = options.macro ? Macro::yes : Macro::no;
  request.form = report_form(options);
  return request;
}

}  // namespace lm::cmd
