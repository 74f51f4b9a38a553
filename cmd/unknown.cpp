#include "unknown.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "base/suggest.h"
#include "options.h"
#include "program.h"

namespace lm::cmd {
namespace {

struct Spelling {
  std::string_view other;
  std::string_view ours;  // a long option, or in capitals an argument without a name
};

/// What options are called elsewhere (Hugging Face, llama.cpp, nanoGPT, llm.c, fastText, KenLM, SentencePiece). A spelling
/// may have several meanings; those that the program has count.
constexpr std::array kSpellings = std::to_array<Spelling>({
    {"n-predict", "tokens"},
    {"num-predict", "tokens"},
    {"max-tokens", "tokens"},
    {"max-new-tokens", "tokens"},
    {"num-tokens", "tokens"},
    {"n-tokens", "tokens"},
    {"length", "tokens"},
    {"repeat-penalty", "repetition-penalty"},
    {"num-samples", "samples"},
    {"n-samples", "samples"},
    {"num-return-sequences", "samples"},
    {"typical-p", "typical"},
    {"stop-sequence", "stop"},
    {"reverse-prompt", "stop"},
    {"logprobs", "probs"},
    {"random-seed", "seed"},
    {"rng-seed", "seed"},
    {"num-threads", "threads"},
    {"n-threads", "threads"},
    {"jobs", "threads"},
    {"j", "threads"},
    {"V", "version"},
    {"?", "help"},
    {"usage", "help"},
    {"silent", "quiet"},
    {"debug", "verbose"},
    {"m", "MODEL"},
    {"model", "MODEL"},
    {"model-path", "MODEL"},
    {"model", "init-from"},
    {"model", "tokenizer"},
    {"model-prefix", "output"},
    {"i", "FILE"},
    {"f", "FILE"},
    {"file", "FILE"},
    {"input", "FILE"},
    {"input-file", "FILE"},
    {"text", "FILE"},
    {"data", "TOKENS"},
    {"input", "TOKENS"},
    {"train-data", "TOKENS"},
    {"train-file", "TOKENS"},
    {"out", "output"},
    {"out-file", "output"},
    {"outfile", "output"},
    {"output-file", "output"},
    {"output-dir", "output"},
    {"out-dir", "output"},
    {"save", "output"},
    {"save-dir", "output"},
    {"vocabulary-size", "vocab-size"},
    {"n-vocab", "vocab-size"},
    {"special-tokens", "add-special"},
    {"user-defined-symbols", "add-special"},
    {"max-piece-length", "max-token-length"},
    {"min-count", "min-frequency"},
    {"learning-rate", "lr"},
    {"min-learning-rate", "min-lr"},
    {"lr-scheduler", "schedule"},
    {"lr-scheduler-type", "schedule"},
    {"lr-schedule", "schedule"},
    {"scheduler", "schedule"},
    {"lr-decay-style", "schedule"},
    {"wd", "weight-decay"},
    {"decay", "weight-decay"},
    {"adam-beta1", "betas"},
    {"adam-beta2", "betas"},
    {"beta1", "betas"},
    {"beta2", "betas"},
    {"optim", "optimizer"},
    {"grad-clip", "clip"},
    {"clip-grad", "clip"},
    {"max-grad-norm", "clip"},
    {"warmup-steps", "warmup"},
    {"warmup-iters", "warmup"},
    {"lr-warmup-steps", "warmup"},
    {"epoch", "epochs"},
    {"num-epochs", "epochs"},
    {"num-train-epochs", "epochs"},
    {"max-steps", "steps"},
    {"num-steps", "steps"},
    {"max-iters", "steps"},
    {"train-iters", "steps"},
    {"iterations", "steps"},
    {"iters", "steps"},
    {"max-time", "time"},
    {"timeout", "time"},
    {"batch-size", "batch"},
    {"train-batch-size", "batch"},
    {"per-device-train-batch-size", "micro-batch"},
    {"micro-batch-size", "micro-batch"},
    {"gradient-accumulation-steps", "micro-batch"},
    {"gradient-checkpointing", "recompute"},
    {"dtype", "precision"},
    {"bf16", "precision"},
    {"fp16", "precision"},
    {"eval-every", "valid-every"},
    {"eval-interval", "valid-every"},
    {"eval-steps", "valid-every"},
    {"val-every", "valid-every"},
    {"val", "valid"},
    {"val-data", "valid"},
    {"validation-file", "valid"},
    {"eval-file", "valid"},
    {"validation-split", "valid-fraction"},
    {"val-split", "valid-fraction"},
    {"early-stopping", "patience"},
    {"log-file", "metrics"},
    {"save-every", "checkpoint-every"},
    {"save-interval", "checkpoint-every"},
    {"save-steps", "checkpoint-every"},
    {"resume-from-checkpoint", "resume"},
    {"continue", "resume"},
    {"pretrained", "init-from"},
    {"from-pretrained", "init-from"},
    {"finetune", "init-from"},
    {"n-layer", "layers"},
    {"n-layers", "layers"},
    {"num-layers", "layers"},
    {"num-hidden-layers", "layers"},
    {"depth", "layers"},
    {"n-head", "heads"},
    {"n-heads", "heads"},
    {"num-heads", "heads"},
    {"num-attention-heads", "heads"},
    {"num-key-value-heads", "kv-heads"},
    {"n-kv-heads", "kv-heads"},
    {"n-embd", "channels"},
    {"d-model", "channels"},
    {"dim", "channels"},
    {"width", "channels"},
    {"hidden-size", "channels"},
    {"intermediate-size", "ffn"},
    {"ffn-dim", "ffn"},
    {"d-ff", "ffn"},
    {"ctx-size", "context"},
    {"context-size", "context"},
    {"n-ctx", "context"},
    {"c", "context"},
    {"block-size", "context"},
    {"seq-len", "context"},
    {"seq-length", "context"},
    {"sequence-length", "context"},
    {"max-seq-len", "context"},
    {"max-length", "context"},
    {"tie-word-embeddings", "tied"},
    {"mlm-probability", "mask-rate"},
    {"mask-prob", "mask-rate"},
    {"prefix", "prefix-file"},
    {"suffix", "suffix-file"},
});

std::vector<std::string> long_options(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) {
    const std::vector<std::string>& own = option->get_lnames();
    names.insert(names.end(), own.begin(), own.end());
  }
  return names;
}

/// Returns "--vocab_size=600", "-j" as a name of the table: without dashes at its front and without a value, `-` for `_`.
std::string name_in(std::string_view argument) {
  argument.remove_prefix(std::min(argument.find_first_not_of('-'), argument.size()));
  std::string name(argument.substr(0, argument.find('=')));
  std::replace(name.begin(), name.end(), '_', '-');
  return name;
}

/// Returns the argument without a name that an option elsewhere means; empty if there is none.
std::string unnamed_argument(const CLI::App& app, const std::string& name) {
  for (const auto& [other, ours] : kSpellings) {
    const std::string own(ours);
    if (name == other && std::isupper(own[0]) != 0 && app.get_option_no_throw(own) != nullptr) return own;
  }
  return "";
}

const CLI::Option* find_short(const CLI::App& app, char letter) {
  for (const CLI::Option* option : app.get_options()) {
    if (option->check_sname(std::string(1, letter))) return option;
  }
  return nullptr;
}

bool takes_value(const CLI::Option* option) { return option != nullptr && !is_flag(*option); }

/// Returns whether the argument that follows this one is its value.
bool needs_next(const CLI::App& app, const std::string& argument) {
  if (argument.starts_with("--")) {
    return argument.find('=') == std::string::npos && takes_value(app.get_option_no_throw(argument));
  }
  for (std::size_t i = 1; argument.starts_with('-') && i < argument.size(); ++i) {
    if (takes_value(find_short(app, argument[i]))) return i + 1 == argument.size();
  }
  return false;
}

std::string unknown_option(const CLI::App& app, const std::string& argument) {
  const std::string name = name_in(argument);
  const std::string message = "unknown option '" + argument.substr(0, argument.find('=')) + "'";
  if (const std::string unnamed = unnamed_argument(app, name); !unnamed.empty()) {
    return message + "; " + unnamed + " is given by itself, without an option before it";
  }
  std::vector<std::string> similar = similar_options(app, name);
  for (std::string& option : similar) option.insert(0, "--");
  // -N for -n
  if (const char letter = static_cast<char>(std::tolower(static_cast<unsigned char>(name[0])));
      similar.empty() && name.size() == 1 && find_short(app, letter) != nullptr) {
    similar.push_back(std::string("-") + letter);
  }
  return message + did_you_mean(similar);
}

}  // namespace

std::vector<std::string> similar_options(const CLI::App& app, std::string_view name) {
  const std::string asked = name_in(name);
  const std::vector<std::string> known = long_options(app);
  const auto has = [&](std::string_view option) { return std::find(known.begin(), known.end(), option) != known.end(); };
  if (has(asked)) return {asked};
  std::vector<std::string> similar;
  for (const auto& [other, ours] : kSpellings) {
    if (asked == other && has(ours)) similar.emplace_back(ours);
  }
  if (similar.empty() && asked.size() > 1) similar = similar_words(asked, known);
  return similar;
}

void refuse_single_dashes(const CLI::App& app, const std::vector<std::string>& arguments) {
  const std::vector<std::string> known = long_options(app);
  for (std::size_t i = 0; i < arguments.size() && arguments[i] != "--"; ++i) {
    const std::string& argument = arguments[i];
    const bool single = argument.size() > 2 && argument[0] == '-' && argument[1] != '-';
    if (single && std::find(known.begin(), known.end(), name_in(argument)) != known.end()) {
      throw UsageError(unknown_option(app, argument));
    }
    if (needs_next(app, argument)) ++i;
  }
}

std::string unknown_argument(const CLI::App& app, const std::vector<std::string>& arguments) {
  const std::vector<std::string> unexpected = app.remaining();  // "--" is among them
  const auto first =
      std::find_if(unexpected.begin(), unexpected.end(), [](const std::string& text) { return text != "--"; });
  if (first == unexpected.end()) return "unexpected argument";
  const auto separator = std::find(arguments.begin(), arguments.end(), "--");
  const bool is_option = first->size() > 1 && first->front() == '-';
  if (is_option && std::find(separator, arguments.end(), *first) == arguments.end()) return unknown_option(app, *first);
  const auto option = std::find_if(separator, arguments.end(), [](const std::string& text) {
    return text.size() > 1 && text.front() == '-' && text != "--";
  });
  const std::string message = "unexpected argument '" + *first + "'";
  if (option == arguments.end()) return message;
  return message + ": after --, '" + *option + "' is a file's name; give options before --";
}

}  // namespace lm::cmd
