#include "infer/generate.h"

#include <algorithm>

#include "base/error.h"

namespace lm {
namespace {

/// Context::read_changed() reads up to multiples of this position, so that a fresh context and one that kept something
/// divide a prompt alike.
constexpr std::int64_t kReadBlock = 256;
static_assert(kReadBlock % kKeptStep == 0);

/// Returns how many of `same` tokens to keep of a prompt of `count`. Something is left to read in any case, for the logits
/// after it; and not a single row, which the decoder computes by other kernels, unless a fresh context does so too.
std::int64_t kept_length(std::int64_t same, std::int64_t count) {
  const std::int64_t kept = std::min(same, count - 1) / kKeptStep * kKeptStep;
  return kept == count - 1 && kept % kReadBlock != 0 ? kept - kKeptStep : kept;
}

}  // namespace

Context::Context(Decoder& decoder, const ModelConfig& config, std::int64_t capacity)
    : decoder_(decoder),
      config_(config),
      cache_(config, std::clamp<std::int64_t>(capacity, 1, config.context_length)),
      logits_(static_cast<std::size_t>(config.vocab_size)) {}

void Context::reserve(std::int64_t capacity) {
  visible_.clear();
  prefix_length_ = 0;
  cache_.truncate(0);
  read_length_ = 0;
  capacity = std::clamp<std::int64_t>(capacity, 1, config_.context_length);
  if (capacity > cache_.capacity()) cache_ = KVCache(config_, capacity);
}

void Context::read_again() {
  cache_.truncate(0);
  read_length_ = 0;
  const TensorView<const float> logits = decoder_.prefill(cache_, visible_, prefix_length_);
  std::copy_n(logits.data(), logits.size(), logits_.begin());
}

std::int64_t Context::read(std::span<const TokenId> tokens, std::int64_t prefix_length) {
  LM_CHECK(!tokens.empty());
  const auto count = static_cast<std::int64_t>(tokens.size());
  // At least one token, even if half the context is none.
  const std::int64_t kept = count <= config_.context_length ? count : std::max<std::int64_t>(1, config_.context_length / 2);
  const std::span<const TokenId> last = tokens.last(static_cast<std::size_t>(kept));
  visible_.assign(last.begin(), last.end());
  prefix_length_ = std::max<std::int64_t>(0, prefix_length - (count - kept));
  // A prefix is read at once.
  if (prefix_length_ > cache_.block()) cache_ = KVCache(config_, cache_.capacity(), prefix_length_);
  read_again();
  return count - kept;
}

std::int64_t Context::read_changed(std::span<const TokenId> tokens) {
  LM_CHECK(!tokens.empty());
  const auto count = static_cast<std::int64_t>(tokens.size());
  const std::int64_t comparable = std::min(read_length_, count);
  const auto differs = std::mismatch(tokens.begin(), tokens.begin() + comparable, visible_.begin()).first;
  const bool same_keys = decoder_.keeps_keys(read_length_, count);
  const std::int64_t kept = cache_.truncate(same_keys ? kept_length(differs - tokens.begin(), count) : 0);
  read_length_ = 0;  // while an error may interrupt
  prefix_length_ = 0;
  visible_.assign(tokens.begin(), tokens.end());
  for (std::int64_t first = kept; first < count;) {
    const std::int64_t end = std::min(count, (first / kReadBlock + 1) * kReadBlock);
    const TensorView<const float> logits = decoder_.prefill(
        cache_, tokens.subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(end - first)), 0, count);
    if (end == count) logits_.assign(logits.data(), logits.data() + logits.size());
    first = end;
  }
  read_logits_ = logits_;
  read_length_ = count;
  return kept;
}

void Context::rewind() {
  LM_CHECK(read_length_ > 0);
  visible_.resize(static_cast<std::size_t>(read_length_));
  if (cache_.truncate(read_length_) > 0) {
    logits_ = read_logits_;
    return;
  }
  // A window has forgotten tokens that it needs again.
  read_length_ = 0;
  const std::vector<TokenId> tokens = visible_;
  read_changed(tokens);
}

void Context::append(TokenId token) {
  const auto count = static_cast<std::int64_t>(visible_.size());
  if (count == config_.context_length) {
    const std::int64_t dropped = count - config_.context_length / 2;
    visible_.erase(visible_.begin(), visible_.begin() + static_cast<std::ptrdiff_t>(dropped));
    prefix_length_ = std::max<std::int64_t>(0, prefix_length_ - dropped);
    visible_.push_back(token);
    read_again();
    return;
  }
  visible_.push_back(token);
  if (!decoder_.keeps_keys(count, count + 1)) return read_again();
  const TensorView<const float> logits = decoder_.step(cache_, token);
  std::copy_n(logits.data(), logits.size(), logits_.begin());
}

void Context::copy_from(const Context& other) {
  cache_.copy_from(other.cache_);
  visible_ = other.visible_;
  prefix_length_ = other.prefix_length_;
  logits_ = other.logits_;
  read_length_ = 0;
}

Ending generate(Context& context, Sampler& sampler, std::span<const TokenId> ends, std::int64_t max_tokens,
                const std::function<bool(TokenId)>& on_token) {
  const auto is_end = [&](TokenId token) { return std::find(ends.begin(), ends.end(), token) != ends.end(); };
  for (std::int64_t i = 0; i < max_tokens; ++i) {
    // The end-of-text that opens the text has not been said: no repetition.
    std::span<const TokenId> said = context.visible();
    if (!said.empty() && is_end(said.front())) said = said.subspan(1);
    const TokenId token = sampler.choose(context.logits(), said);
    if (is_end(token)) return {.reason = EndReason::end_of_text, .token = token};
    if (!on_token(token)) return {.reason = EndReason::caller};
    // Nobody needs the logits after the last token.
    if (i + 1 < max_tokens) context.append(token);
  }
  return {.reason = EndReason::length};
}

}  // namespace lm
