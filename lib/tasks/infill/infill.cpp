#include "tasks/infill/infill.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/error.h"
#include "base/round.h"
#include "objectives/fim.h"
#include "tasks/prompt/prompt_text.h"
#include "text/unicode/unicode.h"

namespace lm {
namespace {

/// End-of-text, and the layout's three tokens.
constexpr std::int64_t kLayoutTokens = 4;

/// Returns how many bytes of a long text are encoded for `room` tokens, far more than these need: a text's tokens do not
/// depend on what is far away.
std::size_t bytes_for(std::int64_t room) { return (std::size_t{1} << 16) + static_cast<std::size_t>(room) * 64; }

/// Returns how many of a prefix's tokens to keep so that it begins at the same place while it grows: what is dropped is a
/// multiple of a small part of the room. Else each key typed would change the prompt from its start on, and nothing read
/// could be kept.
std::int64_t whole_steps(std::int64_t kept, std::int64_t count, std::int64_t room) {
  const std::int64_t step = std::max<std::int64_t>(1, room / 8);
  return std::max<std::int64_t>(0, count - round_up(count - kept, step));
}

/// Hands on what a TextStream that began with `unfinished` writes, less those bytes or the U+FFFD in their place: they are
/// in the prefix already.
TextStream::Write without_unfinished(std::string unfinished, TextStream::Write write) {
  if (unfinished.empty()) return write;
  return [unfinished = std::move(unfinished), write = std::move(write), first = true](std::string_view text) mutable {
    if (first) text.remove_prefix(text.starts_with(unfinished) ? unfinished.size() : std::string_view("\uFFFD").size());
    first = false;
    if (!text.empty()) write(text);
  };
}

}  // namespace

InfillShares share_room(std::int64_t room, std::int64_t prefix, std::int64_t suffix) {
  const std::int64_t half = room / 2;
  const std::int64_t suffix_kept = std::min(suffix, std::max(half, room - prefix));
  return {.prefix = std::min(prefix, room - suffix_kept), .suffix = suffix_kept};
}

Infiller::Infiller(Compute& compute, const TextModel& model, std::string_view layout, const DecodingOptions& decoding)
    : model_(model),
      layout_(infill_layout(model, layout)),
      allowed_(layout_.allowed),
      ends_(layout_.ends),
      decoder_(make_decoder(compute, model, decoding)),
      context_(decoder_, model.config(), 1, decoding.cache_type),
      longest_piece_(longest_fim_piece(model.training_window())) {
  if (longest_piece_ < 1) {
    throw Error("cannot fill in the middle with '" + model.path() + "': its context of " +
                std::to_string(model.training_window()) + " tokens is too short");
  }
}

/// Encodes a text's end: more than `room` tokens if it has more.
std::vector<TokenId> Infiller::encode_end(std::string_view text, std::int64_t room) const {
  constexpr std::size_t kStep = std::size_t{1} << 15;  // not a byte more at each request, see whole_steps()
  if (text.size() > bytes_for(room)) text.remove_prefix(round_up(text.size() - bytes_for(room), kStep));
  return model_.tokenizer.encode(text);
}

/// Encodes its start in the same way.
std::vector<TokenId> Infiller::encode_start(std::string_view text, std::int64_t room) const {
  return layout_.encode_suffix(model_.tokenizer, text.substr(0, bytes_for(room)));
}

std::int64_t Infiller::bytes_of(std::span<const TokenId> ids) const {
  std::int64_t bytes = 0;
  for (const TokenId id : ids) bytes += static_cast<std::int64_t>(model_.bytes_of(id).size());
  return bytes;
}

/// Reads the prompt, whose first `same` tokens are those of the last one, in parts: one that is given up does not keep the
/// next waiting. Returns how many did not have to be read again.
std::int64_t Infiller::read_prompt(std::int64_t same) {
  constexpr std::int64_t kPart = 256;  // Context::read_changed() divides a prompt there, too, so that no bit depends on it
  const std::int64_t count = std::ssize(prompt_);
  std::optional<std::int64_t> reused;
  for (read_ = same; !reused || (read_ < count && !is_given_up());) {
    const std::int64_t next = std::min(count, (read_ / kPart + 1) * kPart);
    const bool in_parts = options_.is_given_up && decoder_.keeps_keys(next, count);
    read_ = 0;  // if an error interrupts
    const std::int64_t end = in_parts ? next : count;
    const std::int64_t kept = context_.read_changed(std::span(prompt_).first(static_cast<std::size_t>(end)));
    if (!reused) reused = kept;
    read_ = end;
  }
  return *reused;
}

InfillLeftOut Infiller::read(const InfillText& text, InfillOptions options) {
  [[maybe_unused]] const Sampler checked(options.sampling, allowed_, {});  // refuses what is out of range before any work
  options_ = std::move(options);
  if (options_.single_line) options_.stops.insert(options_.stops.end(), {"\n", "\r"});
  unfinished_ = text.prefix.substr(text.prefix.size() - incomplete_utf8_tail(text.prefix));
  suffix_ = text.suffix.substr(0, OverlapTrimmer::kCompared);

  const std::int64_t room = longest_piece_ - std::min(options_.max_tokens, (longest_piece_ + 1) / 2);
  const std::vector<TokenId> prefix_ids = encode_end(text.prefix, room);
  const std::vector<TokenId> suffix_ids = encode_start(text.suffix, room);
  const InfillShares shares = share_room(room, std::ssize(prefix_ids), std::ssize(suffix_ids));
  const std::int64_t prefix_kept = whole_steps(shares.prefix, std::ssize(prefix_ids), room);
  const auto prefix = std::span(prefix_ids).last(static_cast<std::size_t>(prefix_kept));
  const auto suffix = std::span(suffix_ids).first(static_cast<std::size_t>(shares.suffix));
  const std::vector<TokenId> last = std::exchange(prompt_, layout_.prompt(prefix, suffix));
  const std::int64_t comparable = std::min(std::exchange(read_, 0), std::ssize(prompt_));
  const auto differs = std::mismatch(last.begin(), last.begin() + comparable, prompt_.begin()).first;
  std::int64_t same = differs - last.begin();
  model_.require_embedded(prompt_);

  const std::int64_t context_length = model_.config().context_length;
  options_.max_tokens = std::min(options_.max_tokens, longest_piece_ + kLayoutTokens - std::ssize(prompt_));
  if (const std::int64_t needed = std::min(context_length, std::ssize(prompt_) + options_.max_tokens); needed > capacity_) {
    // Growing forgets: not at every request, and not at the second because of one more key.
    capacity_ = std::min(context_length, std::max(needed + needed / 8 + 64, 2 * capacity_));
    context_.reserve(capacity_);
    same = 0;
  }
  reused_ = read_prompt(same);
  return {.prefix = std::ssize(text.prefix) - bytes_of(prefix), .suffix = std::ssize(text.suffix) - bytes_of(suffix)};
}

Infill Infiller::sample(std::int64_t number, const std::function<void(std::string_view)>& write) {
  LM_CHECK(!prompt_.empty() && read_ == std::ssize(prompt_) && number >= 0);
  context_.rewind();
  Sampler sampler(options_.sampling, allowed_, {.seed = options_.seed, .text = static_cast<std::uint64_t>(number)});
  OverlapTrimmer trimmer(suffix_, write);
  bool ran_on = false;
  TextStream stream(options_.stops,
                    without_unfinished(unfinished_, [&](std::string_view text) { ran_on = !trimmer.feed(text); }));
  stream.begin(unfinished_);
  Infill result;
  const auto take = [&](TokenId token) {
    result.tokens += 1;
    return !is_given_up() && stream.feed(model_.bytes_of(token)) && !ran_on;
  };
  const EndReason reason = generate({.context = context_,
                                     .sampler = sampler,
                                     .ends = ends_,
                                     .max_tokens = options_.max_tokens,
                                     .on_token = take,
                                     .drafting = options_.drafting})
                               .reason;
  stream.finish();
  trimmer.finish(reason == EndReason::end_of_text ? OverlapTrimmer::End::complete : OverlapTrimmer::End::broken_off);
  result.end = ran_on || reason == EndReason::caller ? TextEnd::stop
               : reason == EndReason::length         ? TextEnd::length
                                                     : TextEnd::end_of_text;
  return result;
}

}  // namespace lm
