// lm-eval-ppl: how well a model predicts text: perplexity, bits per byte, by corpus or by document.
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "options.h"
#include "program.h"
#include "progress.h"
#include "tasks/evaluate.h"
#include "tasks/evaluate_report.h"

namespace {

enum class Level { corpus, document };

struct Options {
  std::string model;
  std::vector<std::string> inputs;
  std::string documents = "file";
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
};

void add_options(CLI::App& app, Options& options) {
  using namespace lm::cmd;
  app.add_option("MODEL", options.model, "a model: file or folder")->required()->type_name("");
  add_files(app, "FILE", options.inputs, "text or token streams (default: standard input, as -)");
  add_text(app, "--documents", options.documents, "how text is cut: file, line, nul, jsonl[:FIELD] or separator:STRING",
           "KIND");
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
    throw lm::cmd::UsageError("unknown protocol '" + name + "': expected hf-stride:S, lm-eval or llama.cpp");
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
  if (options.macro && options.level == Level::document) throw lm::cmd::UsageError("--macro goes with --level corpus");
}

/// Prints each document to one output or, where it is left out, to the other.
class DocumentReport {
 public:
  DocumentReport(const Options& options, const lm::WindowPlan& plan, lm::OutputStream& output)
      : options_(options), plan_(plan), output_(output) {
    if (!options.rejected.empty()) rejected_ = lm::open_output(options.rejected);
    if (!options.header) return;
    output_.write(lm::tsv_header("document"));
    if (rejected_) rejected_->write(lm::tsv_header("document"));
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
    output.write((options.header ? lm::tsv_header("documents") : "") + to_tsv(evaluator.total()));
  } else {
    output.write(to_text(evaluator.total(), evaluator.plan(), options.base, macro));
  }
}

int run(const Options& options, const lm::cmd::CommonOptions& common) {
  check(options);
  const lm::WindowPlan wanted = plan_of(options);
  const lm::DocumentKind kind = lm::parse_document_kind(options.documents);
  const lm::TextModel model = lm::load_text_model(options.model);
  const lm::WindowPlan plan = lm::complete_plan(wanted, model);
  lm::Compute compute(common.threads, common.simd);
  const std::unique_ptr<lm::OutputStream> output = lm::open_output(options.output);
  lm::cmd::Progress progress(common);

  const bool by_document = options.level == Level::document;
  std::optional<DocumentReport> report;
  if (by_document) report.emplace(options, plan, *output);
  lm::Evaluator evaluator(compute, model, plan, by_document ? lm::Texts::keep : lm::Texts::drop,
                          by_document ? [&](const lm::DocumentScore& document) { (*report)(document); }
                                      : std::function<void(const lm::DocumentScore&)>());
  lm::evaluate_inputs(evaluator, model, options.inputs, kind, [&] {
    if (progress.due()) progress.update(-1, std::to_string(evaluator.tokens_scored()) + " tokens");
  });
  if (by_document) {
    report->close();
  } else {
    print_corpus(options, evaluator, *output);
  }
  output->close();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  return lm::cmd::run_program(argc, argv,
                              {.name = "lm-eval-ppl",
                               .summary = "tell how well a model predicts text",
                               .usage = "[--documents KIND] [--level corpus|document] [--json|--tsv] MODEL [FILE...]",
                               .has_progress = true,
                               .add_options = [&](CLI::App& app) { add_options(app, options); },
                               .body = [&](const lm::cmd::CommonOptions& common) { return run(options, common); }});
}
