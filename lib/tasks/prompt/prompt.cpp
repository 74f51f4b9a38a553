#include "tasks/prompt/prompt.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "tasks/prompt/prompt_text.h"

namespace lm {

Prompter::Prompter(Compute& compute, const TextModel& model, PromptOptions options)
    : model_(model),
      options_(std::move(options)),
      drawn_(drawn_tokens(model, options_.draw)),
      decoder_(compute, model.parameters()),
      read_(decoder_, model.config(), 1),
      written_(decoder_, model.config(), 1) {
  require_left_to_right(model);
  Sampler(options_.sampling, drawn_.allowed, {});  // refuses what is out of range before any work
}

std::int64_t Prompter::read(const PromptTokens& prompt) {
  prompt_ = prompt.is_whole ? std::vector<TokenId>() : model_.tokenizer.opening();
  opening_ = prompt_.size();
  prompt_.insert(prompt_.end(), prompt.ids.begin(), prompt.ids.end());
  if (prompt_.empty()) throw Error("there is no prompt, and no token before it (--begin none): nothing to continue");
  model_.require_embedded(prompt_);
  unfinished_ = prompt.unfinished;
  const auto count = static_cast<std::int64_t>(prompt_.size());
  written_.reserve(count + std::min(options_.max_tokens, model_.config().context_length));
  ++prompts_;
  if (prompt.is_whole) {
    read_whole();
    return 0;
  }
  read_.reserve(count);
  capacity_ = 0;
  // A model of prefixes has learned to continue one that it sees both ways.
  return read_.read(prompt_, was_trained_on(model_, "prefix") ? count : 0);
}

void Prompter::read_whole() {
  const std::int64_t context = model_.config().context_length;
  if (const std::int64_t count = std::ssize(prompt_); count > capacity_) {
    capacity_ = std::min(context, std::max(count, 2 * capacity_));  // growing forgets: not at every prompt
    read_.reserve(capacity_);
  }
  read_.read_changed(prompt_);
}

/// Returns how a text ended that no stop string did.
TextEnd Prompter::ending_of(const Ending& ending) const {
  if (!ending.token) return TextEnd::length;
  const std::vector<TokenId>& ends = drawn_.own_ends;
  return std::binary_search(ends.begin(), ends.end(), *ending.token) ? TextEnd::end_of_text : TextEnd::stop;
}

Sample Prompter::sample(std::int64_t number, const std::function<void(std::string_view)>& write) {
  LM_CHECK(prompts_ > 0 && number >= 0);
  written_.copy_from(read_);
  const std::uint64_t text = static_cast<std::uint64_t>(prompts_ - 1) << 32 | static_cast<std::uint64_t>(number);
  Sampler sampler(options_.sampling, drawn_.allowed, {.seed = options_.seed, .text = text});
  TextStream stream(options_.stops, write);
  stream.begin(unfinished_);
  Sample result;
  std::vector<std::int64_t> ends;  // of each token, in bytes
  std::int64_t bytes = 0;
  StreamDecoder decoder(model_.tokenizer);
  std::string piece;
  for (std::size_t i = opening_; i < prompt_.size(); ++i) decoder.feed(prompt_[i], piece);  // what comes before decides
  const Ending ending = generate(written_, sampler, drawn_.ends, options_.max_tokens, [&](TokenId token) {
    piece.clear();
    if (token < model_.tokenizer.vocab_size()) decoder.feed(token, piece);
    bytes += static_cast<std::int64_t>(piece.size());
    result.ids.push_back(token);
    ends.push_back(bytes);
    return stream.feed(piece);
  });
  piece.clear();
  decoder.finish(piece);
  const bool stopped = ending.reason == EndReason::caller || (!piece.empty() && !stream.feed(piece));
  stream.finish();
  while (!ends.empty() && ends.back() > stream.size()) {
    ends.pop_back();
    result.ids.pop_back();
  }
  result.end = stopped ? TextEnd::stop : ending_of(ending);
  if (!stopped) result.end_token = ending.token;
  return result;
}

}  // namespace lm
