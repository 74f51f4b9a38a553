// Prompting: text in, the model's continuation out, or what it thinks may come next.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/choice.h"
#include "base/token.h"
#include "infer/generate.h"
#include "infer/sampler.h"
#include "kernels/compute.h"
#include "model/decode.h"
#include "tasks/prompt/drawn_tokens.h"
#include "tasks/prompt/pack_weights.h"
#include "tasks/prompt/prompt_tokens.h"
#include "tasks/text_model.h"

namespace lm {

struct PromptOptions {
  std::int64_t max_tokens = 200;
  SamplingOptions sampling = {};
  std::uint64_t seed = 0;
  std::vector<std::string> stops = {};  // the text ends before the first of them
  DrawOptions draw = {};
  Drafting drafting = Drafting::automatic;  // changes no text
};

/// Why a text ended; `stop` is a stop string or a stop token that does not end this model's texts by itself.
enum class TextEnd { length, end_of_text, stop };
template <>
inline constexpr auto kChoices<TextEnd> = choice_table<TextEnd>("end of a text", {{"length", TextEnd::length},
                                                                                  {"end_of_text", TextEnd::end_of_text},
                                                                                  {"stop", TextEnd::stop}});

struct Sample {
  TextEnd end = TextEnd::length;
  std::optional<TokenId> end_token = {};  // that ended it
  std::vector<TokenId> ids = {};          // sampled, without that one, and those that lie before the stop string
};

/// Continues prompts, each any number of times; what is common to its continuations is computed once.
class Prompter {
 public:
  using Write = std::function<void(std::string_view)>;
  /// The model and what the decoding options name outlive it. Throws Error if the model does not predict from left to right, an
  /// option is out of range, or it has no such stop token.
  Prompter(Compute& compute, const TextModel& model, PromptOptions options, const DecodingOptions& decoding = {});
  ~Prompter();

  /// Reads end-of-text and the prompt; a model trained on prefix sees them both ways. Returns how many tokens were left out
  /// because the context is too short. A prompt that is whole must fit the context; what it has in common with the last one
  /// at its start is not read again, which changes no bit.
  std::int64_t read(const PromptTokens& prompt);
  /// Returns the prompt's tokens, without what precedes a text.
  std::span<const TokenId> prompt_ids() const { return std::span<const TokenId>(prompt_).subspan(opening_); }
  /// Returns the bytes at the prompt's end that begin a character. They are not the prompt's to print: the continuation
  /// completes them.
  std::string_view unfinished_character() const { return unfinished_; }

  /// Samples the `number`-th continuation: the same for one seed, prompt and number whatever else is sampled. `write` gets
  /// its text as it comes, in whole characters of UTF-8.
  Sample sample(std::int64_t number, const Write& write);

  /// Adds that continuation to those that finish_all() samples. Other prompts may be read before.
  void begin(std::int64_t number, Write write);
  /// Samples all that were begun, token by token, so that they share each reading of the weights, and returns them in order.
  std::vector<Sample> finish_all();
  /// Returns how many may be begun: few if a context takes much memory.
  std::int64_t most_begun() const;

  /// Returns what may come next, over all ids, likeliest first.
  std::vector<Candidate> next_tokens() const { return model_distribution(read_.logits()); }

 private:
  class Text;
  TextEnd ending_of(const Ending& ending) const;
  void read_whole();
  std::int64_t room_for_text() const;

  const TextModel& model_;
  PromptOptions options_;
  DrawnTokens drawn_;
  CacheType cache_type_;
  Decoder decoder_;
  Context read_;                              // the prompt
  std::vector<std::unique_ptr<Text>> texts_;  // and what is sampled after it and others
  std::size_t begun_ = 0;                     // of texts_, which are kept for their memory
  std::vector<TokenId> prompt_;
  std::size_t opening_ = 0;  // tokens of it that precede the text
  std::string unfinished_;
  std::int64_t prompts_ = 0;
  std::int64_t capacity_ = 0;  // of read_, as far as whole prompts need it
};

}  // namespace lm
