// lm-sample: continues text, or shows what a model thinks may come next.
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "data/token_file.h"
#include "inputs.h"
#include "named_files.h"
#include "options.h"
#include "output_names.h"
#include "program.h"
#include "tasks/prompt/fill_mask.h"
#include "tasks/prompt/next_tokens.h"
#include "tasks/prompt/prompt.h"
#include "tasks/prompt/prompt_output.h"
#include "tasks/prompt/prompt_tokens.h"
#include "tasks/prompt/span_fill.h"
#include "text/documents.h"
#include "token_formats.h"
#include "tokenizer_options.h"

namespace {

struct Options {
  std::string model;
  lm::TokenizerOptions tokenizer_options;
  std::string file;  // of prompts
  std::optional<std::string> prompt;
  lm::PromptOptions prompting;
  std::int64_t max_tokens = 200;
  std::int64_t samples = 1;
  std::int64_t seed = 0;
  bool greedy = false;
  std::string probs;
  bool echo = false;
  bool keep_newline = false;
  lm::SampleFormat format = lm::SampleFormat::text;
  bool json = false;
  lm::DocumentKind documents;
  std::string output = "-";
  const CLI::App* app = nullptr;  // tells which options were given
};

void add_options(CLI::App& app, Options& options) {
  using namespace lm::cmd;
  options.app = &app;
  lm::SamplingOptions& sampling = options.prompting.sampling;
  app.add_option("MODEL", options.model, "a model: file or folder")->required()->type_name("");
  lm::cmd::add_tokenizer_options(app, options.tokenizer_options);
  app.add_option("FILE", options.file, "a file of prompts (default: standard input, as -)")->type_name("");
  add_parsed(app, "-p,--prompt", "TEXT", "", "the prompt (default: FILE or standard input)", "text",
             [&](const std::string& text) {
               options.prompt = text;
               return true;
             });
  add_size(app, "-n,--tokens", options.max_tokens, "tokens to sample at most", SizeUnit::count, {0});
  add_real(app, "--temperature", sampling.temperature, "divides the logits; 0 takes the likeliest token");
  add_size(app, "--top-k", sampling.top_k, "sample from the k likeliest tokens; 0: from all", SizeUnit::count, {0});
  add_real(app, "--top-p", sampling.top_p, "sample from the likeliest tokens that reach this mass", {1e-9, 1});
  add_real(app, "--min-p", sampling.min_p, "leave out tokens less likely than this share of the likeliest", {0, 1});
  add_real(app, "--typical", sampling.typical, "sample from the tokens of about average surprisal that reach this mass",
           {1e-9, 1});
  add_real(app, "--repetition-penalty", sampling.repetition_penalty, "makes tokens that were seen less likely (above 1)",
           {1e-3, 1e3});
  add_size(app, "--samples", options.samples, "continuations of each prompt");
  add_size(app, "--seed", options.seed, "the same seed gives the same text", SizeUnit::count, {0});
  add_repeated(app, "--stop", options.prompting.stops, "end the text before this string", "STRING");
  app.add_flag("--greedy", options.greedy, "take the likeliest token each time");
  add_text(app, "--probs", options.probs,
           "print the K likeliest next tokens, or all, instead; of each mask (default there: 5)", "K|all");
  app.add_flag("--echo", options.echo, "print the prompt too");
  app.add_flag("--keep-newline", options.keep_newline, "keep the newline that ends the prompt in a file or standard input");
  add_choice<lm::SpecialTokens>(app, "--special", options.prompting.special,
                                {{"plain", lm::SpecialTokens::plain}, {"allow", lm::SpecialTokens::allow}},
                                "whether prompts that spell special tokens mean them");
  add_choice<lm::SampleFormat>(
      app, "--format", options.format,
      {{"text", lm::SampleFormat::text}, {"lm", lm::SampleFormat::lm}, {"ids", lm::SampleFormat::ids}},
      "print text, a token stream, or ids");
  app.add_flag("--json", options.json, "print one JSON object a line");
  add_documents(app, options.documents,
                "how the file is cut into prompts: file, line, nul, jsonl[:FIELD] or separator:STRING");
  add_binary(app, options.documents.accept);
  add_text(app, "-o,--output", options.output, "where to write", "FILE");
}

/// How many next tokens --probs asks for; nothing without it.
std::optional<std::int64_t> probs_of(const Options& options) {
  if (options.probs.empty()) return std::nullopt;
  try {
    return lm::cmd::read_size_or("all", options.probs, lm::cmd::SizeUnit::count).value_or(INT64_MAX);
  } catch (const lm::Error& error) {
    throw lm::cmd::UsageError("cannot use '" + options.probs + "' for --probs: " + error.what());
  }
}

/// Throws UsageError if an option was named that says how to sample, and nothing is.
void refuse_sampling(const Options& options, const std::string& reason) {
  for (const char* name : {"--tokens", "--temperature", "--top-k", "--top-p", "--min-p", "--typical", "--repetition-penalty",
                           "--samples", "--stop", "--greedy", "--echo"}) {
    if (options.app->count(name) == 0) continue;
    const std::string option = std::string(name) == "--tokens" ? "-n" : name;
    throw lm::cmd::UsageError(option + " is for texts that are sampled; " + reason);
  }
}

void check(const Options& options) {
  probs_of(options);  // refused before any work
  if (!options.file.empty() && options.prompt)
    throw lm::cmd::UsageError("--prompt and a file of prompts exclude each other");
  for (const std::string& stop : options.prompting.stops) {
    if (stop.empty()) throw lm::cmd::UsageError("--stop wants a text that is not empty");
  }
  if (options.json && options.format != lm::SampleFormat::text)
    throw lm::cmd::UsageError("--json and --format exclude each other");
  if (!options.probs.empty() && options.format != lm::SampleFormat::text) {
    throw lm::cmd::UsageError("--probs and --format exclude each other");
  }
  if (!options.probs.empty()) {
    refuse_sampling(options, "--probs shows the model's own distribution, as it is at temperature 1 without a filter");
  }
  if (options.format == lm::SampleFormat::lm && options.output == "-" && lm::cmd::is_terminal(STDOUT_FILENO)) {
    throw lm::cmd::UsageError("a token stream is not written to a terminal; redirect the output");
  }
}

/// Calls visit for each prompt.
void for_each_prompt(const Options& options, const std::function<void(std::string_view)>& visit) {
  if (options.prompt) return visit(*options.prompt);
  const std::string path = options.file.empty() ? "-" : options.file;
  if (path == "-" && lm::cmd::is_terminal(STDIN_FILENO)) return visit({});
  const lm::DocumentKind& kind = options.documents;
  const bool drop_newline = kind.kind == lm::DocumentKind::Kind::file && !options.keep_newline;
  // The newline of a line is gone already.
  const bool drop_return = kind.kind == lm::DocumentKind::Kind::line && !options.keep_newline;
  bool any = false;
  lm::for_each_document({path}, kind, [&](std::string_view prompt) {
    any = true;
    if (drop_newline && prompt.ends_with('\n')) prompt.remove_suffix(prompt.ends_with("\r\n") ? 2 : 1);
    if (drop_return && prompt.ends_with('\r')) prompt.remove_suffix(1);
    visit(prompt);
  });
  if (!any && kind.kind == lm::DocumentKind::Kind::file) visit({});
}

/// Does with each prompt what it asks for; what that needs is made when the first prompt needs it.
class Sampling {
 public:
  Sampling(const Options& options, const lm::TextModel& model, const lm::cmd::CommonOptions& common,
           lm::OutputStream& output)
      : options_(options),
        model_(model),
        compute_(common.threads, common.simd),
        output_(output),
        probs_(probs_of(options)),
        writer_(
            lm::make_sample_writer(output, model, {.format = options.format, .json = options.json, .echo = options.echo})) {}

  void answer(std::string_view prompt) {
    const lm::PromptTokens tokens = lm::encode_prompt(model_, prompt, options_.prompting.special);
    warn_of_gaps(prompt);
    if (tokens.kind == lm::PromptKind::continuation) return go_on(prompt);
    if (options_.format != lm::SampleFormat::text)
      throw lm::Error("--format lm and --format ids are for continuations, but the prompt has gaps to fill");
    if (tokens.kind == lm::PromptKind::spans) return fill_spans(prompt, tokens.ids);
    refuse_sampling(options_, "of each <|mask|> the likeliest tokens are shown, as many as --probs says");
    const std::vector<lm::NextTokens> masks = lm::fill_masks(compute_, model_, tokens.ids, probs_.value_or(kMaskCandidates));
    if (!options_.json && !first_) output_.write("\n");
    first_ = false;
    output_.write(lm::fill_masks_report(masks, model_, prompt, form()));
  }

  void finish() {
    if (!probs_) writer_->finish();
  }

 private:
  static constexpr std::int64_t kMaskCandidates = 5;

  lm::NextTokensForm form() const {
    if (options_.json) return lm::NextTokensForm::json;
    const bool terminal = options_.output == "-" && lm::cmd::is_terminal(STDOUT_FILENO);
    return terminal ? lm::NextTokensForm::bars : lm::NextTokensForm::text;
  }

  /// What looks like a gap, but is none to this model, is most likely a mistake.
  void warn_of_gaps(std::string_view prompt) {
    const std::string gap = lm::gap_without_meaning(model_, prompt);
    if (gap.empty() || warned_of_gaps_) return;
    warned_of_gaps_ = true;
    spdlog::warn("'{}' in the prompt is no gap: '{}' was trained with the objective '{}', which does not fill it{}", gap,
                 model_.path(), model_.model.record.objective,
                 options_.prompting.special == lm::SpecialTokens::plain ? "; it is taken as text" : "");
  }

  void go_on(std::string_view prompt) {
    if (!prompter_) prompter_.emplace(compute_, model_, options_.prompting);
    if (const std::int64_t left_out = prompter_->read(prompt); left_out > 0) {
      spdlog::warn("the prompt is longer than the context of {} tokens: its first {} are left out",
                   model_.config().context_length, left_out);
    }
    if (probs_) {
      return output_.write(lm::next_tokens_report(lm::keep_likeliest(prompter_->next_tokens(), *probs_), model_, form()));
    }
    for (std::int64_t number = 0; number < options_.samples; ++number) writer_->sample(*prompter_, prompt, number);
  }

  void fill_spans(std::string_view prompt, const std::vector<lm::TokenId>& ids) {
    if (probs_ || !options_.prompting.stops.empty())
      throw lm::Error("--probs and --stop are not for prompts with sentinels to fill");
    if (!span_filler_) span_filler_.emplace(compute_, model_, options_.prompting);
    span_filler_->read(ids);
    for (std::int64_t number = 0; number < options_.samples; ++number) {
      const lm::SpanSample sample = span_filler_->sample(number);
      if (options_.json) {
        output_.write(lm::span_sample_json(sample, *span_filler_, model_, prompt, number));
      } else {
        output_.write((first_ ? "" : "\n") + lm::readable_text(model_, span_filler_->filled(sample)) + "\n");
      }
      first_ = false;
      output_.flush();
    }
  }

  const Options& options_;
  const lm::TextModel& model_;
  lm::Compute compute_;
  lm::OutputStream& output_;
  std::optional<std::int64_t> probs_;
  std::unique_ptr<lm::SampleWriter> writer_;
  std::optional<lm::Prompter> prompter_;
  std::optional<lm::SpanFiller> span_filler_;
  bool first_ = true;  // no gap has been filled yet
  bool warned_of_gaps_ = false;
};

int run(Options options, const lm::cmd::CommonOptions& common) {
  check(options);
  lm::cmd::NamedFiles files(common);
  files.reads("MODEL", options.model);
  if (!options.prompt && (!options.file.empty() || !lm::cmd::is_terminal(STDIN_FILENO)))
    files.reads("FILE", options.file.empty() ? "-" : options.file);
  files.writes("-o", options.output);
  files.check();
  lm::cmd::check_output_name("-o", options.output, lm::cmd::OutputKind::text);
  options.prompting.max_tokens = options.max_tokens;
  options.prompting.seed = static_cast<std::uint64_t>(options.seed);
  if (options.greedy) options.prompting.sampling.temperature = 0;
  const lm::TextModel model = lm::cmd::open_text_model_or_state(options.model, options.tokenizer_options);
  const std::unique_ptr<lm::OutputStream> output = lm::open_output(options.output);
  Sampling sampling(options, model, common, *output);
  for_each_prompt(options, [&](std::string_view prompt) { sampling.answer(prompt); });
  sampling.finish();
  output->close();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  return lm::cmd::run_program(argc, argv,
                              {.name = "lm-sample",
                               .summary = "continue text with a model",
                               .usage = "[-p TEXT] [-n N] [--temperature X] [--samples N] [--seed N] MODEL [FILE]",
                               .products = lm::cmd::Products::made,
                               .add_options = [&](CLI::App& app) { add_options(app, options); },
                               .body = [&](const lm::cmd::CommonOptions& common) { return run(options, common); }});
}
