#include "infer/generate.h"

#include <algorithm>
#include <chrono>

namespace lm {
namespace {

/// A generation between two of its tokens.
class Progress {
 public:
  explicit Progress(const Generation& generation) : generation_(generation) {
    if (generation.drafting != Drafting::off) drafter_.emplace(generation.context.visible());
  }

  const std::optional<Ending>& ending() const { return ending_; }

  /// Chooses the next token, unless the text has ended by then.
  void choose() {
    const Generation& g = generation_;
    const auto is_end = [&](TokenId token) { return std::find(g.ends.begin(), g.ends.end(), token) != g.ends.end(); };
    if (chosen_ == g.max_tokens) return end({.reason = EndReason::length});
    // The end-of-text that opens the text has not been said: no repetition.
    std::span<const TokenId> said = g.context.visible();
    if (!said.empty() && is_end(said.front())) said = said.subspan(1);
    token_ = g.sampler.choose(g.context.logits(), said);
    if (is_end(token_)) return end({.reason = EndReason::end_of_text, .token = token_});
    if (!g.on_token(token_)) return end({.reason = EndReason::caller});
    // Nobody needs the logits after the last token.
    if (++chosen_ == g.max_tokens) return end({.reason = EndReason::length});
    if (drafter_) drafter_->add(token_);
  }

  /// Returns what is to be appended after choose(), with a guess of at most so many tokens.
  Context::Next next(std::int64_t most_guessed) {
    const std::int64_t most = std::min(most_guessed, generation_.max_tokens - chosen_ - 1);
    if (!drafter_ || most <= 0) return {&generation_.context, token_};
    return {&generation_.context, token_, drafter_->guess(most)};
  }
  void measured(std::int64_t rows, double seconds) {
    if (drafter_ && rows > 0) drafter_->measured(rows, seconds);
  }

 private:
  void end(const Ending& ending) { ending_ = ending; }
  const Generation& generation_;
  std::optional<Drafter> drafter_;
  std::int64_t chosen_ = 0;
  TokenId token_ = 0;
  std::optional<Ending> ending_;
};

}  // namespace

std::vector<Ending> generate_all(std::span<const Generation> generations) {
  using Clock = std::chrono::steady_clock;
  std::vector<Progress> texts(generations.begin(), generations.end());
  std::vector<Context::Next> next;
  for (;;) {
    std::vector<Progress*> going;
    for (Progress& text : texts) {
      if (!text.ending()) text.choose();
      if (!text.ending()) going.push_back(&text);
    }
    if (going.empty()) break;
    // Where several texts share the weights' reading, guesses would gain little.
    const std::int64_t most_guessed = going.size() > 1 ? 0 : DecodeStep::kMostRows - 1;
    next.clear();
    for (Progress* text : going) next.push_back(text->next(most_guessed));
    const auto start = Clock::now();
    const std::int64_t rows = Context::append_all(next);
    if (going.size() == 1) going.front()->measured(rows, std::chrono::duration<double>(Clock::now() - start).count());
  }
  std::vector<Ending> endings;
  for (const Progress& text : texts) endings.push_back(*text.ending());
  return endings;
}

Ending generate(const Generation& generation) { return generate_all({&generation, 1}).front(); }

}  // namespace lm
