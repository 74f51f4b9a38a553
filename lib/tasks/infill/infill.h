// Filling in the middle: what belongs between two texts, from a model that was trained with the objective fim.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "infer/generate.h"
#include "infer/sampler.h"
#include "kernels/compute.h"
#include "model/decode.h"
#include "tasks/infill/infill_layout.h"
#include "tasks/infill/infill_text.h"
#include "tasks/prompt/prompt.h"
#include "tasks/text_model.h"

namespace lm {

struct InfillOptions {
  std::int64_t max_tokens = 128;
  SamplingOptions sampling = {.temperature = 0};
  std::uint64_t seed = 0;
  std::vector<std::string> stops = {};      // the middle ends before the first of them
  bool single_line = false;                 // or before the end of its first line
  Drafting drafting = Drafting::automatic;  // changes no text
  /// Asked while a prompt is read and before each token; once it returns true, and it does from then on, read() and sample()
  /// return early.
  std::function<bool()> is_given_up = {};
};

/// Bytes that the context had no room for: the prefix's first, the suffix's last.
struct InfillLeftOut {
  std::int64_t prefix = 0, suffix = 0;
};

/// How a middle ended, and how many tokens were sampled for it; if it ran on into the suffix, the end is `stop`.
struct Infill {
  TextEnd end = TextEnd::length;
  std::int64_t tokens = 0;
};

/// How many tokens of the prefix and of the suffix are kept.
struct InfillShares {
  std::int64_t prefix = 0, suffix = 0;
};
/// Returns how many of them fit `room`: each gets half, and what the other leaves over.
InfillShares share_room(std::int64_t room, std::int64_t prefix, std::int64_t suffix);

/// Fills one middle after the other; what two texts in a row have in common at the start of the prompt is read once, which
/// changes no bit of the result.
class Infiller {
 public:
  /// layout: a name of the registry, or "auto". Compute, model and what the decoding options name outlive it. Throws Error if
  /// the model cannot fill in the middle, or has no such tokens.
  Infiller(Compute& compute, const TextModel& model, std::string_view layout, const DecodingOptions& decoding = {});

  /// Reads the text around the middle, any bytes, of which what is nearest to the middle is kept if the context is too
  /// short: it leaves room for max_tokens, of at most half the context. What was read of a prompt that is given up is used
  /// by the next. Throws Error if an option is out of range.
  InfillLeftOut read(const InfillText& text, InfillOptions options);
  /// Samples the `number`-th middle of what was read last: the same for one seed and number whatever else is sampled.
  /// `write` gets it as it comes, in whole characters, what is not UTF-8 as U+FFFD; if the prefix ends inside a character,
  /// it begins with the rest of that.
  Infill sample(std::int64_t number, const std::function<void(std::string_view)>& write);

  /// Return the last prompt, and how many of its tokens did not have to be read again.
  const std::vector<TokenId>& prompt() const { return prompt_; }
  const char* layout() const { return layout_.layout->name; }
  std::int64_t reused() const { return reused_; }

 private:
  std::vector<TokenId> encode_end(std::string_view text, std::int64_t room) const;
  std::vector<TokenId> encode_start(std::string_view text, std::int64_t room) const;
  std::int64_t bytes_of(std::span<const TokenId> ids) const;
  bool is_given_up() const { return options_.is_given_up && options_.is_given_up(); }
  std::int64_t read_prompt(std::int64_t same);

  const TextModel& model_;
  InfillLayout layout_;
  std::vector<std::uint8_t> allowed_;
  std::vector<TokenId> ends_;
  Decoder decoder_;
  Context context_;
  std::int64_t longest_piece_;  // of a prefix, middle and suffix in the window that the model was trained on
  std::int64_t capacity_ = 1;   // of context_
  InfillOptions options_;
  std::string unfinished_;  // bytes at the prefix's end that begin a character
  std::string suffix_;      // as much of it as an overlap is compared with
  std::vector<TokenId> prompt_;
  std::int64_t read_ = 0;  // of its tokens, all unless it was given up
  std::int64_t reused_ = 0;
};

}  // namespace lm
