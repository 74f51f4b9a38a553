#include "tasks/prompt/prompt.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "tasks/prompt/prompt_text.h"

namespace lm {

/// A continuation that is sampled.
class Prompter::Text {
 public:
  explicit Text(Prompter& prompter)
      : prompter_(prompter), context_(prompter.decoder_, prompter.model_.config(), 1, prompter.cache_type_) {}

  void begin(std::uint64_t text, Write write) {
    const PromptOptions& options = prompter_.options_;
    context_.reserve(prompter_.room_for_text());
    context_.copy_from(prompter_.read_);
    sampler_.emplace(options.sampling, prompter_.drawn_.allowed, SampleSeed{.seed = options.seed, .text = text});
    stream_.emplace(options.stops, std::move(write));
    stream_->begin(prompter_.unfinished_);
    result_ = {};
    ends_.clear();
    bytes_ = 0;
    decoder_.emplace(prompter_.model_.tokenizer);
    // What comes before decides how tokens are spelt.
    for (std::size_t i = prompter_.opening_; i < prompter_.prompt_.size(); ++i) decoder_->feed(prompter_.prompt_[i], piece_);
  }

  Generation generation() {
    return {.context = context_,
            .sampler = *sampler_,
            .ends = prompter_.drawn_.ends,
            .max_tokens = prompter_.options_.max_tokens,
            .on_token = [this](TokenId token) { return take(token); },
            .drafting = prompter_.options_.drafting};
  }

  Sample finish(const Ending& ending) {
    piece_.clear();
    decoder_->finish(piece_);
    const bool stopped = ending.reason == EndReason::caller || (!piece_.empty() && !stream_->feed(piece_));
    stream_->finish();
    while (!ends_.empty() && ends_.back() > stream_->size()) {
      ends_.pop_back();
      result_.ids.pop_back();
    }
    result_.end = stopped ? TextEnd::stop : prompter_.ending_of(ending);
    if (!stopped) result_.end_token = ending.token;
    return std::move(result_);
  }

 private:
  bool take(TokenId token) {
    piece_.clear();
    if (token < prompter_.model_.tokenizer.vocab_size()) decoder_->feed(token, piece_);
    bytes_ += static_cast<std::int64_t>(piece_.size());
    result_.ids.push_back(token);
    ends_.push_back(bytes_);
    return stream_->feed(piece_);
  }

  Prompter& prompter_;
  Context context_;
  std::optional<Sampler> sampler_;
  std::optional<TextStream> stream_;
  std::optional<StreamDecoder> decoder_;
  Sample result_;
  std::vector<std::int64_t> ends_;  // of each token, in bytes
  std::int64_t bytes_ = 0;
  std::string piece_;
};

Prompter::Prompter(Compute& compute, const TextModel& model, PromptOptions options, const DecodingOptions& decoding)
    : model_(model),
      options_(std::move(options)),
      drawn_(drawn_tokens(model, options_.draw)),
      cache_type_(decoding.cache_type),
      decoder_(make_decoder(compute, model, decoding)),
      read_(decoder_, model.config(), 1, decoding.cache_type) {
  require_left_to_right(model);
  Sampler(options_.sampling, drawn_.allowed, {});  // refuses what is out of range before any work
}

Prompter::~Prompter() = default;

std::int64_t Prompter::read(const PromptTokens& prompt) {
  prompt_ = prompt.is_whole ? std::vector<TokenId>() : model_.tokenizer.opening();
  opening_ = prompt_.size();
  prompt_.insert(prompt_.end(), prompt.ids.begin(), prompt.ids.end());
  if (prompt_.empty()) throw Error("there is no prompt, and no token before it (--begin none): nothing to continue");
  model_.require_embedded(prompt_);
  unfinished_ = prompt.unfinished;
  const auto count = static_cast<std::int64_t>(prompt_.size());
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

/// Returns the tokens of a prompt with its continuation, of which no more are seen at a time than the context has.
std::int64_t Prompter::room_for_text() const {
  const std::int64_t context = model_.config().context_length;
  return std::min(context, std::ssize(prompt_) + std::min(options_.max_tokens, context));
}

std::int64_t Prompter::most_begun() const {
  constexpr std::int64_t kMost = DecodeStep::kMostRows / 2, kBytes = std::int64_t{256} << 20;
  return std::clamp<std::int64_t>(kBytes / KVCache::bytes(model_.config(), room_for_text(), cache_type_), 1, kMost);
}

void Prompter::begin(std::int64_t number, Write write) {
  LM_CHECK(prompts_ > 0 && number >= 0);
  if (begun_ == texts_.size()) texts_.push_back(std::make_unique<Text>(*this));
  const std::uint64_t text = static_cast<std::uint64_t>(prompts_ - 1) << 32 | static_cast<std::uint64_t>(number);
  texts_[begun_]->begin(text, std::move(write));
  ++begun_;
}

std::vector<Sample> Prompter::finish_all() {
  std::vector<Generation> generations;
  for (std::size_t i = 0; i < begun_; ++i) generations.push_back(texts_[i]->generation());
  begun_ = 0;
  const std::vector<Ending> endings = generate_all(generations);
  std::vector<Sample> samples;
  for (std::size_t i = 0; i < endings.size(); ++i) samples.push_back(texts_[i]->finish(endings[i]));
  return samples;
}

Sample Prompter::sample(std::int64_t number, const Write& write) {
  LM_CHECK(begun_ == 0);
  begin(number, write);
  return std::move(finish_all().front());
}

}  // namespace lm
