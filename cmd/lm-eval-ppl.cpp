// lm-eval-ppl: how well a model predicts text, as its objective does: perplexity, pseudo-perplexity, span loss, infilling.
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/suggest.h"
#include "inputs.h"
#include "named_files.h"
#include "objectives/fim_layout.h"
#include "objectives/mixture.h"
#include "options.h"
#include "output_names.h"
#include "program.h"
#include "progress.h"
#include "tasks/evaluate/evaluate.h"
#include "tasks/evaluate/evaluate_infilling.h"
#include "tasks/evaluate/evaluate_report.h"
#include "tasks/evaluate/evaluate_spans.h"
#include "text/documents.h"
#include "token_formats.h"
#include "tokenizer_options.h"

namespace {

enum class Level { corpus, document };
enum class Scoring { automatic, left_to_right, pseudo, span };

struct Options {
  std::string model;
  lm::TokenizerOptions tokenizer_options;
  std::vector<std::string> inputs;
  lm::DocumentKind documents;
  Level level = Level::corpus;
  std::optional<std::int64_t> context;
  std::optional<std::int64_t> stride;
  bool score_end = false;
  std::string protocol;
  lm::LogBase base = lm::LogBase::e;
  bool macro = false;
  bool json = false;
  bool tsv = false;
  bool header = false;
  std::string output = "-";
  std::optional<double> max_perplexity;
  std::optional<double> min_perplexity;
  std::string rejected;
  Scoring scoring = Scoring::automatic;
  bool within_word = false;
  bool infilling = false;
  std::string layout;
};

void add_options(CLI::App& app, Options& options) {
  using namespace lm::cmd;
  app.add_option("MODEL", options.model, "a model: file or folder")->required()->type_name("");
  lm::cmd::add_tokenizer_options(app, options.tokenizer_options);
  add_files(app, "FILE", options.inputs, "text or token streams (default: standard input, as -)");
  add_documents(app, options.documents, "how text is cut: file, line, nul, jsonl[:FIELD] or separator:STRING");
  add_binary(app, options.documents.accept);
  add_choice<Level>(app, "--level", options.level, {{"corpus", Level::corpus}, {"document", Level::document}},
                    "what a report is about: all documents, or each");
  add_size(app, "--context", options.context, "tokens that predict at most (default: the model's context)");
  add_size(app, "--stride", options.stride, "tokens scored in a window after the first (default: half of the context)");
  app.add_flag("--score-end", options.score_end, "score the end-of-text that closes each document too");
  add_text(app, "--protocol", options.protocol, "reproduce another program: hf-stride:S, lm-eval or llama.cpp", "NAME");
  add_choice<lm::LogBase>(app, "--base", options.base,
                          {{"e", lm::LogBase::e}, {"2", lm::LogBase::two}, {"10", lm::LogBase::ten}},
                          "of the logarithm in the loss");
  app.add_flag("--macro", options.macro, "report the mean of the documents' perplexities too");
  app.add_flag("--json", options.json, "print one JSON object a line");
  app.add_flag("--tsv", options.tsv, "print tab-separated values");
  app.add_flag("--header", options.header, "print the names of the columns first (with --tsv)");
  add_text(app, "-o,--output", options.output, "where to write", "FILE");
  add_real(app, "--max-perplexity", options.max_perplexity, "leave out documents above it (with --level document)");
  add_real(app, "--min-perplexity", options.min_perplexity, "leave out documents below it (with --level document)");
  add_text(app, "--rejected", options.rejected, "write the documents that are left out here", "FILE");
  add_choice<Scoring>(app, "--scoring", options.scoring,
                      {{"auto", Scoring::automatic},
                       {"left-to-right", Scoring::left_to_right},
                       {"pseudo", Scoring::pseudo},
                       {"span", Scoring::span}},
                      "what is scored (auto: as the model was trained)");
  app.add_flag("--within-word", options.within_word, "with a masked model: hide the later pieces of a token's word too");
  app.add_flag("--infilling", options.infilling,
               "score the middles of tasks, JSON lines: prompt, suffix, canonical_solution");
  add_parsed(
      app, "--layout", "NAME", "",
      std::string("with --infilling: order and tokens (default: ") + lm::kDefaultFimLayout + "), or none: the prefix alone",
      "", [&](const std::string& text) {
        std::vector<std::string> known = lm::fim_layout_names();
        known.insert(known.begin(), "none");
        require_word(app, text, known);
        options.layout = text;
        return true;
      });
}

lm::WindowPlan plan_of(const Options& options) {
  lm::WindowPlan plan{
      .context = options.context.value_or(0), .stride = options.stride.value_or(0), .score_end = options.score_end};
  const std::string& name = options.protocol;
  if (name.empty()) return plan;
  if (options.stride) throw lm::cmd::UsageError("--stride does not go with --protocol, which fixes it");
  if (name == "lm-eval") {
    plan.protocol = lm::Protocol::lm_eval;
  } else if (name == "llama.cpp") {
    plan.protocol = lm::Protocol::llama_cpp;
  } else if (name.starts_with("hf-stride:")) {
    plan.protocol = lm::Protocol::hf_stride;
    plan.stride = lm::cmd::parse_size(name.substr(10), lm::cmd::SizeUnit::count).value_or(0);
  }
  if (plan.protocol == lm::Protocol::strided || (plan.protocol == lm::Protocol::hf_stride && plan.stride < 1)) {
    throw lm::cmd::UsageError("cannot use '" + name + "' for --protocol: expected hf-stride:S, lm-eval or llama.cpp" +
                              lm::did_you_mean(lm::similar_words(name, {"hf-stride:", "lm-eval", "llama.cpp"})));
  }
  if (options.score_end && plan.protocol != lm::Protocol::lm_eval) {
    throw lm::cmd::UsageError("--score-end does not go with --protocol " + name + ", which has no end-of-text");
  }
  return plan;
}

void check(const Options& options) {
  if (options.json && options.tsv) throw lm::cmd::UsageError("--json and --tsv exclude each other");
  if (options.header && !options.tsv) throw lm::cmd::UsageError("--header goes with --tsv");
  const bool filters = options.max_perplexity || options.min_perplexity || !options.rejected.empty();
  if (filters && options.level != Level::document) {
    throw lm::cmd::UsageError("--max-perplexity, --min-perplexity and --rejected go with --level document");
  }
  if (!options.layout.empty() && !options.infilling) throw lm::cmd::UsageError("--layout goes with --infilling");
  if (options.infilling &&
      (options.tsv || filters || options.level == Level::document || options.macro || options.score_end || options.context ||
       options.stride || !options.protocol.empty() || options.scoring != Scoring::automatic || options.within_word ||
       options.documents.kind != lm::DocumentKind::Kind::file || options.documents.accept == lm::Accept::anything)) {
    throw lm::cmd::UsageError("--infilling goes with --layout, --base and --json alone");
  }
  if (options.macro && options.level == Level::document) throw lm::cmd::UsageError("--macro goes with --level corpus");
}

/// Prints each document to one output or, where it is left out, to the other.
class DocumentReport {
 public:
  DocumentReport(const Options& options, const lm::WindowPlan& plan, lm::OutputStream& output)
      : options_(options), plan_(plan), output_(output) {
    if (!options.rejected.empty()) rejected_ = lm::open_output(options.rejected);
    if (!options.header) return;
    output_.write(lm::tsv_header("document", plan));
    if (rejected_) rejected_->write(lm::tsv_header("document", plan));
  }

  void operator()(const lm::DocumentScore& document) {
    lm::OutputStream* output = accepted(document) ? &output_ : rejected_.get();
    if (output == nullptr) return;
    if (options_.json) {
      output->write(to_json(document, plan_, options_.base).dump() + "\n");
    } else {
      output->write(options_.tsv ? to_tsv(document) : to_text(document));
    }
  }

  void close() {
    if (rejected_) rejected_->close();
  }

 private:
  bool accepted(const lm::DocumentScore& document) const {
    const std::optional<double> perplexity = document.score.perplexity();
    if (options_.max_perplexity && !(perplexity && *perplexity <= *options_.max_perplexity)) return false;
    return !options_.min_perplexity || !perplexity || *perplexity >= *options_.min_perplexity;
  }
  const Options& options_;
  lm::WindowPlan plan_;
  lm::OutputStream& output_;
  std::unique_ptr<lm::OutputStream> rejected_;
};

void print_corpus(const Options& options, const lm::Evaluator& evaluator, lm::OutputStream& output) {
  const lm::Macro macro = options.macro ? lm::Macro::yes : lm::Macro::no;
  if (options.json) {
    output.write(to_json(evaluator.total(), evaluator.plan(), options.base, macro).dump() + "\n");
  } else if (options.tsv) {
    output.write((options.header ? lm::tsv_header("documents", evaluator.plan()) : "") + to_tsv(evaluator.total()));
  } else {
    output.write(to_text(evaluator.total(), evaluator.plan(), options.base, macro));
  }
}

/// What is scored: what was asked for, else what the model was trained on.
Scoring scoring_of(const Options& options, const lm::TextModel& model) {
  if (options.scoring != Scoring::automatic) return options.scoring;
  if (options.within_word) return Scoring::pseudo;
  if (lm::parse_mixture(model.model.record.objective).predicts_next_token()) return Scoring::left_to_right;
  if (lm::was_trained_on(model, "masked")) return Scoring::pseudo;
  return lm::was_trained_on(model, "span") ? Scoring::span : Scoring::left_to_right;
}

/// Windows of which each token is scored, from left to right or hidden one at a time.
int score_tokens(const Options& options, const lm::WindowPlan& wanted, const lm::TextModel& model,
                 const lm::cmd::CommonOptions& common, lm::OutputStream& output) {
  const lm::WindowPlan plan = lm::complete_plan(wanted, model);
  lm::Compute compute(common.threads, common.simd);
  lm::cmd::Progress progress(common);
  const bool by_document = options.level == Level::document;
  std::optional<DocumentReport> report;
  if (by_document) report.emplace(options, plan, output);
  lm::Evaluator evaluator(compute, model, plan, by_document ? lm::Texts::keep : lm::Texts::drop,
                          by_document ? [&](const lm::DocumentScore& document) { (*report)(document); }
                                      : std::function<void(const lm::DocumentScore&)>());
  lm::evaluate_inputs(evaluator, model, options.inputs, options.documents, [&] {
    if (progress.due()) progress.update(-1, std::to_string(evaluator.tokens_scored()) + " tokens");
  });
  if (by_document) {
    report->close();
  } else {
    print_corpus(options, evaluator, output);
  }
  return 0;
}

int score_spans(const Options& options, const lm::TextModel& model, const lm::cmd::CommonOptions& common,
                lm::OutputStream& output) {
  if (options.level == Level::document || options.tsv || options.macro || options.context || options.base != lm::LogBase::e)
    throw lm::cmd::UsageError("of a span model, only the whole corpus is scored, as text or --json, in the model's context");
  lm::Compute compute(common.threads, common.simd);
  lm::cmd::Progress progress(common);
  lm::SpanEvaluator evaluator(compute, model);
  lm::read_documents({.name = [](std::string_view) {},
                      .tokens = [&](std::span<const lm::TokenId> tokens) { evaluator.add(tokens); },
                      .end = [&] { evaluator.end_document(); }},
                     model, options.inputs, options.documents, [&] {
                       if (progress.due()) progress.update(-1, std::to_string(evaluator.total().windows) + " windows");
                     });
  evaluator.finish();
  const std::string protocol = evaluator.protocol();
  output.write(options.json ? lm::to_json(evaluator.total(), protocol).dump() + "\n"
                            : lm::to_text(evaluator.total(), protocol));
  return 0;
}

int score_infilling(const Options& options, const lm::TextModel& model, const lm::cmd::CommonOptions& common,
                    lm::OutputStream& output) {
  lm::Compute compute(common.threads, common.simd);
  lm::cmd::Progress progress(common);
  lm::InfillingEvaluator evaluator(compute, model, options.layout.empty() ? lm::kDefaultFimLayout : options.layout);
  lm::for_each_infilling_task(options.inputs, [&](const lm::InfillingTask& task) {
    evaluator.add(task);
    if (progress.due()) progress.update(-1, std::to_string(evaluator.total().tasks) + " tasks");
  });
  output.write(options.json ? lm::to_json(evaluator.total(), evaluator.layout(), options.base).dump() + "\n"
                            : lm::to_text(evaluator.total(), evaluator.layout(), options.base));
  return 0;
}

void check_files(const Options& options, const lm::cmd::CommonOptions& common) {
  lm::cmd::NamedFiles files(common);
  files.reads("MODEL", options.model);
  files.reads("FILE", options.inputs.empty() ? std::vector<std::string>{"-"} : options.inputs);
  files.writes("-o", options.output);
  files.writes("--rejected", options.rejected);
  files.check();
}

int run(const Options& options, const lm::cmd::CommonOptions& common) {
  check(options);
  check_files(options, common);
  lm::cmd::check_output_name("-o", options.output, lm::cmd::OutputKind::text);
  lm::cmd::check_output_name("--rejected", options.rejected, lm::cmd::OutputKind::text);
  lm::WindowPlan plan = plan_of(options);
  const lm::TextModel model = lm::cmd::open_text_model(options.model, options.tokenizer_options);
  const std::unique_ptr<lm::OutputStream> output = lm::open_output(options.output);
  const Scoring scoring = options.infilling ? Scoring::automatic : scoring_of(options, model);
  if (options.within_word && scoring != Scoring::pseudo)
    throw lm::cmd::UsageError("--within-word goes with --scoring pseudo");
  if (scoring == Scoring::pseudo || scoring == Scoring::span) {
    if (options.stride || options.score_end || !options.protocol.empty())
      throw lm::cmd::UsageError("--stride, --score-end and --protocol go with scoring from left to right");
  }
  if (scoring == Scoring::pseudo) plan.pseudo = options.within_word ? lm::Pseudo::within_word : lm::Pseudo::token;
  const int status = options.infilling          ? score_infilling(options, model, common, *output)
                     : scoring == Scoring::span ? score_spans(options, model, common, *output)
                                                : score_tokens(options, plan, model, common, *output);
  output->close();
  return status;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  return lm::cmd::run_program(argc, argv,
                              {.name = "lm-eval-ppl",
                               .summary = "tell how well a model predicts text",
                               .usage = "[--documents KIND] [--level corpus|document] [--json|--tsv] MODEL [FILE...]",
                               .has_progress = true,
                               .products = lm::cmd::Products::made,
                               .add_options = [&](CLI::App& app) { add_options(app, options); },
                               .body = [&](const lm::cmd::CommonOptions& common) { return run(options, common); }});
}
