#include "tasks/train/examples.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "base/error.h"
#include "base/round.h"
#include "tasks/load_tokenizer.h"
#include "tasks/train/resolve.h"

namespace lm {

namespace {

std::vector<TokenId> read_all(const TokenCorpus& corpus) {
  std::vector<TokenId> tokens(static_cast<std::size_t>(corpus.size()));
  corpus.copy(0, tokens);
  return tokens;
}

std::unique_ptr<Objective> make_objective(const ObjectiveShare& share, const TrainSettings& settings,
                                          const TrainInputs& inputs) {
  const Tokenizer& tokenizer = inputs.tokenizer;
  ObjectiveOptions options = objective_options(settings);
  options.end_of_text = tokenizer.end_of_text();
  options.begin_tokens = tokenizer.begin_tokens();
  options.table = &tokenizer;
  options.codec = &tokenizer;
  options.special = special_ids(tokenizer);
  options.vocab_size = inputs.vocab_size;
  return share.entry->make(options);
}

std::vector<ExampleSource> make_sources(const TrainSettings& settings, const TrainInputs& inputs, const TokenCorpus& corpus,
                                        std::uint64_t seed, WindowOrder order) {
  std::vector<ExampleSource> sources;
  for (const ObjectiveShare& share : settings.objective.shares()) {
    sources.emplace_back(corpus, make_objective(share, settings, inputs), settings.model.context.value(), seed, order,
                         static_cast<std::int64_t>(sources.size()));
  }
  return sources;
}

void open_stream(const TrainSettings& settings, const TrainInputs& inputs, TrainExamples& examples) {
  examples.stream_objective = stream_objective(settings, inputs);
  examples.stream = std::make_unique<StreamSource>(
      inputs.stream.get(), *examples.stream_objective, static_cast<std::uint64_t>(settings.trainer.seed),
      settings.model.context.value(),
      [&inputs](std::span<const TokenId> tokens) { require_embedded(tokens, inputs, "'" + inputs.stream->name() + "'"); },
      inputs.ranks);
}

void open_windows(const TrainSettings& settings, const TrainInputs& inputs, TrainExamples& examples) {
  const auto seed = static_cast<std::uint64_t>(settings.trainer.seed);
  std::vector<double> shares;
  for (const ObjectiveShare& share : examples.shares) shares.push_back(share.share);
  examples.windows =
      std::make_unique<WindowSource>(make_sources(settings, inputs, *inputs.corpus, seed, WindowOrder::shuffled), shares,
                                     settings.model.context.value(), seed);
}

}  // namespace

std::unique_ptr<Objective> stream_objective(const TrainSettings& settings, const TrainInputs& inputs) {
  std::unique_ptr<Objective> objective = make_objective(settings.objective.shares().front(), settings, inputs);
  if (!settings.objective.mixed() && objective->window_kind() == WindowKind::strided) return objective;
  throw SettingsError("--one-pass cannot train on '" + settings.objective.text() +
                      "': mixtures and fim visit windows in an order of their own; leave --one-pass out");
}

BatchSource& TrainExamples::source() const { return stream != nullptr ? static_cast<BatchSource&>(*stream) : *windows; }

double TrainExamples::visible_prefix_fraction() const {
  if (stream_objective != nullptr) return stream_objective->visible_prefix_share();
  double square = 0;
  for (std::size_t i = 0; i < shares.size(); ++i) {
    const double prefix = windows->source(i).objective().visible_prefix_share();
    square += shares[i].share * prefix * prefix;
  }
  return std::sqrt(square);
}

std::optional<std::int64_t> TrainExamples::windows_in(std::int64_t epochs) const {
  if (windows == nullptr) return std::nullopt;
  std::int64_t count = 0;
  for (std::int64_t epoch = 0; epoch < epochs; ++epoch) count += windows->source(0).count(epoch);
  return count;
}

std::vector<std::string> TrainExamples::notes() const {
  std::vector<std::string> notes;
  for (std::size_t i = 0; windows != nullptr && i < shares.size(); ++i) {
    if (!windows->lacks_targets(i)) continue;
    notes.push_back(std::string("no example of objective '") + shares[i].entry->name +
                    "' had a target, so it was not learned");
  }
  return notes;
}

TrainExamples open_examples(const TrainSettings& settings, const TrainInputs& inputs) {
  TrainExamples examples{.shares = settings.objective.shares(), .windows = {}, .stream_objective = {}, .stream = {}};
  if (settings.one_pass) {
    open_stream(settings, inputs, examples);
  } else {
    open_windows(settings, inputs, examples);
  }
  return examples;
}

/// Returns the bytes of the text of documents, as lm-eval-ppl counts them; nothing if the tokenizer loses text.
std::optional<std::int64_t> text_bytes(std::span<const TokenId> tokens, const TrainInputs& inputs) {
  const Tokenizer& tokenizer = inputs.tokenizer;
  if (tokenizer.loses_text()) return std::nullopt;
  const std::vector<TokenId> stored = inputs.valid->info().begins ? tokenizer.begin_tokens() : std::vector<TokenId>();
  StreamDecoder decoder(tokenizer);
  std::string text;
  std::int64_t bytes = 0;
  bool begins = true;
  bool is_scored = false;  // without anything before a text its first token is not
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    const std::span<const TokenId> rest = tokens.subspan(i);
    if (begins && rest.size() >= stored.size() && std::equal(stored.begin(), stored.end(), rest.begin())) i += stored.size();
    begins = false;
    if (i >= tokens.size()) break;
    if (tokens[i] == tokenizer.end_of_text()) {
      decoder.finish(text);
      begins = true;
    } else if (!tokenizer.is_special(tokens[i])) {
      decoder.feed(tokens[i], text);
    }
    if (is_scored || !tokenizer.opening().empty()) bytes += std::ssize(text);
    is_scored = !begins && (is_scored || !text.empty());
    text.clear();
  }
  decoder.finish(text);
  return bytes + std::ssize(text);
}

Validation open_validation(const TrainSettings& settings, const TrainInputs& inputs) {
  Validation validation;
  if (!inputs.valid) return validation;
  // Any key will do, as long as it is the same at every evaluation of every run.
  constexpr std::uint64_t kValidationSeed = 0x76616c6964;
  const std::int64_t context = settings.model.context.value(), sequences = settings.micro_batch.value();
  std::vector<ExampleSource> sources = make_sources(settings, inputs, *inputs.valid, kValidationSeed, WindowOrder::file);
  std::vector<Validator::Part> parts;
  for (std::size_t i = 0; i < sources.size(); ++i) {
    const double share = settings.objective.shares()[i].share;
    if (sources[i].objective().name() == "causal") {
      validation.tokens = read_all(*inputs.valid);
      DocumentLossOptions options{.context_length = context,
                                  .sequences = sequences,
                                  .opening = inputs.tokenizer.opening(),
                                  .opening_is_stored = inputs.valid->info().begins,
                                  .bytes = text_bytes(validation.tokens, inputs)};
      parts.push_back(
          {.share = share, .loss = DocumentLoss(validation.tokens, inputs.tokenizer.end_of_text(), std::move(options))});
    } else {
      parts.push_back({.share = share, .loss = ExampleLoss(std::move(sources[i]), context, sequences)});
    }
  }
  validation.validator = std::make_unique<Validator>(std::move(parts));
  return validation;
}

std::int64_t validation_bytes(const TrainSettings& settings, const TrainInputs& inputs, std::int64_t sequences) {
  if (!inputs.valid || !settings.objective.trains("causal")) return 0;
  const std::int64_t tokens = inputs.valid->size();
  return tokens * static_cast<std::int64_t>(sizeof(TokenId)) +
         DocumentLoss::bytes(tokens, inputs.valid_documents, settings.model.context.value(), sequences);
}

}  // namespace lm
