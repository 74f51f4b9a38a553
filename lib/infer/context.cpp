#include "infer/context.h"

#include <algorithm>
#include <memory>

#include "base/error.h"

namespace lm {
namespace {

/// Context::read_changed() reads up to multiples of this position, so that a fresh context and one that kept something
/// divide a prompt alike.
constexpr std::int64_t kReadBlock = 256;

}  // namespace

Context::Context(Decoder& decoder, const ModelConfig& config, std::int64_t capacity, CacheType cache_type)
    : decoder_(decoder),
      config_(config),
      cache_type_(cache_type),
      cache_(config, std::clamp<std::int64_t>(capacity, 1, config.context_length), KVCache::kUsualBlock, cache_type),
      logits_(static_cast<std::size_t>(config.vocab_size)) {}

void Context::reserve(std::int64_t capacity) {
  visible_.clear();
  guess_.clear();
  prefix_length_ = 0;
  cache_.truncate(0);
  read_length_ = 0;
  capacity = std::clamp<std::int64_t>(capacity, 1, config_.context_length);
  if (capacity > cache_.capacity()) cache_ = KVCache(config_, capacity, KVCache::kUsualBlock, cache_type_);
}

void Context::set_logits(TensorView<const float> logits) {
  logits_.assign(logits.data(), logits.data() + logits.size());
  row_ = 0;
}

void Context::read_again() {
  guess_.clear();
  cache_.truncate(0);
  read_length_ = 0;
  set_logits(decoder_.prefill(cache_, visible_, prefix_length_));
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
  if (prefix_length_ > cache_.block()) cache_ = KVCache(config_, cache_.capacity(), prefix_length_, cache_type_);
  read_again();
  return count - kept;
}

/// Returns how many of `same` tokens to keep of a prompt of `count`. Something is left to read in any case, for the logits
/// after it. Sums over the keys of a window begin with a block of queries, so that blocks have to be the same.
std::int64_t Context::kept_length(std::int64_t same, std::int64_t count) const {
  const bool windows = std::any_of(config_.layer_shapes.begin(), config_.layer_shapes.end(),
                                   [](const LayerShape& layer) { return layer.window > 0; });
  const std::int64_t kept = std::min(same, count - 1);
  return windows ? kept / kReadBlock * kReadBlock : kept;
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
  guess_.clear();
  visible_.assign(tokens.begin(), tokens.end());
  for (std::int64_t first = kept; first < count;) {
    const std::int64_t end = std::min(count, (first / kReadBlock + 1) * kReadBlock);
    const TensorView<const float> logits = decoder_.prefill(
        cache_, tokens.subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(end - first)), 0, count);
    if (end == count) set_logits(logits);
    first = end;
  }
  read_logits_ = logits_;
  read_length_ = count;
  return kept;
}

void Context::rewind() {
  LM_CHECK(read_length_ > 0);
  visible_.resize(static_cast<std::size_t>(read_length_));
  guess_.clear();
  if (cache_.truncate(read_length_) > 0) {
    set_logits({read_logits_.data(), config_.vocab_size});
    return;
  }
  // A window has forgotten tokens that it needs again.
  read_length_ = 0;
  const std::vector<TokenId> tokens = visible_;
  read_changed(tokens);
}

/// Forgets what was guessed and did not come.
void Context::forget_guess() {
  if (guess_.empty()) return;
  guess_.clear();
  const auto length = std::ssize(visible_);
  LM_CHECK(cache_.truncate(length) == length);
}

/// Appends the token if that needs no step of generating. Else reading_ is what the step reads: returns true.
bool Context::begin_append(TokenId token, std::span<const TokenId> guess) {
  if (!guess_.empty() && guess_.front() == token) {
    guess_.erase(guess_.begin());
    ++row_;
    visible_.push_back(token);
    return false;
  }
  forget_guess();
  const auto count = std::ssize(visible_);
  if (count == config_.context_length) {
    const std::int64_t dropped = count - config_.context_length / 2;
    visible_.erase(visible_.begin(), visible_.begin() + static_cast<std::ptrdiff_t>(dropped));
    prefix_length_ = std::max<std::int64_t>(0, prefix_length_ - dropped);
  }
  if (count == config_.context_length || !decoder_.keeps_keys(count, count + 1)) {
    visible_.push_back(token);
    read_again();
    return false;
  }
  const std::int64_t room = std::clamp<std::int64_t>(cache_.capacity() - count - 1, 0, DecodeStep::kMostRows - 1);
  guess = guess.first(std::min(guess.size(), static_cast<std::size_t>(room)));
  if (!decoder_.keeps_keys(count, count + 1 + std::ssize(guess))) guess = {};
  reading_.assign(1, token);
  reading_.insert(reading_.end(), guess.begin(), guess.end());
  return true;
}

void Context::end_append() {
  visible_.push_back(reading_.front());
  guess_.assign(reading_.begin() + 1, reading_.end());
  row_ = 0;
}

std::int64_t Context::append_all(std::span<const Next> all) {
  std::vector<Context*> contexts;
  std::vector<Continuation> inputs;
  std::int64_t rows = 0;
  for (const Next& next : all) {
    if (!next.context->begin_append(next.token, next.guess)) continue;
    contexts.push_back(next.context);
    inputs.push_back({&next.context->cache_, next.context->reading_});
    rows += std::ssize(next.context->reading_);
  }
  if (rows == 0) return 0;
  Context& first = *contexts.front();
  const std::int64_t width = first.config_.vocab_size;
  if (contexts.size() == 1) {
    first.logits_.resize(static_cast<std::size_t>(rows * width));
    first.decoder_.generate(inputs, {first.logits_.data(), rows, width});
  } else {
    const auto together = std::make_unique_for_overwrite<float[]>(static_cast<std::size_t>(rows * width));
    first.decoder_.generate(inputs, {together.get(), rows, width});
    const float* row = together.get();
    for (Context* context : contexts) {
      const std::int64_t size = std::ssize(context->reading_) * width;
      context->logits_.assign(row, row + size);
      row += size;
    }
  }
  for (Context* context : contexts) context->end_append();
  return rows;
}

std::int64_t Context::append(TokenId token, std::span<const TokenId> guess) {
  const Next next{this, token, guess};
  return append_all({&next, 1});
}

void Context::copy_from(const Context& other) {
  cache_.copy_from(other.cache_);
  visible_ = other.visible_;
  guess_ = other.guess_;
  prefix_length_ = other.prefix_length_;
  logits_ = other.logits_;
  row_ = other.row_;
  read_length_ = 0;
  forget_guess();
}

}  // namespace lm
