#include "tasks/prompt/prompt.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "tasks/prompt/prompt_text.h"
#include "text/unicode.h"

namespace lm {

const char* to_string(TextEnd end) {
  switch (end) {
    case TextEnd::end_of_text:
      return "end_of_text";
    case TextEnd::stop:
      return "stop";
    case TextEnd::length:
      break;
  }
  return "length";
}

Prompter::Prompter(Compute& compute, const TextModel& model, PromptOptions options)
    : model_(model),
      options_(std::move(options)),
      allowed_(model.samplable()),
      decoder_(compute, model.parameters()),
      read_(decoder_, model.config(), 1),
      written_(decoder_, model.config(), 1) {
  require_left_to_right(model);
  Sampler(options_.sampling, allowed_, {});  // refuses what is out of range before any work
}

std::int64_t Prompter::read(std::string_view prompt) {
  prompt_ = {model_.tokenizer.end_of_text()};
  const std::vector<TokenId> ids = model_.tokenizer.encode(prompt, options_.special);
  prompt_.insert(prompt_.end(), ids.begin(), ids.end());
  unfinished_ = prompt.substr(prompt.size() - incomplete_utf8_tail(prompt));
  const auto count = static_cast<std::int64_t>(prompt_.size());
  read_.reserve(count);
  written_.reserve(count + std::min(options_.max_tokens, model_.config().context_length));
  ++prompts_;
  // A model of prefixes has learned to go on after one that it sees both ways.
  return read_.read(prompt_, was_trained_on(model_, "prefix") ? count : 0);
}

Sample Prompter::sample(std::int64_t number, const std::function<void(std::string_view)>& write) {
  LM_CHECK(prompts_ > 0 && number >= 0);
  written_.copy_from(read_);
  const std::uint64_t text = static_cast<std::uint64_t>(prompts_ - 1) << 32 | static_cast<std::uint64_t>(number);
  Sampler sampler(options_.sampling, allowed_, {.seed = options_.seed, .text = text});
  TextStream stream(options_.stops, write);
  stream.begin(unfinished_);
  Sample result;
  std::vector<std::int64_t> ends;  // of each token, in bytes
  std::int64_t bytes = 0;
  const EndReason reason =
      generate(written_, sampler, model_.tokenizer.end_of_text(), options_.max_tokens, [&](TokenId token) {
        const std::string_view piece = model_.bytes_of(token);
        bytes += static_cast<std::int64_t>(piece.size());
        result.ids.push_back(token);
        ends.push_back(bytes);
        return stream.feed(piece);
      });
  stream.finish();
  while (!ends.empty() && ends.back() > stream.size()) {
    ends.pop_back();
    result.ids.pop_back();
  }
  result.end = reason == EndReason::length   ? TextEnd::length
               : reason == EndReason::caller ? TextEnd::stop
                                             : TextEnd::end_of_text;
  return result;
}

}  // namespace lm
