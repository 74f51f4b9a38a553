#include "tasks/prompt/span_fill.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/json.h"
#include "tasks/load_tokenizer.h"
#include "tasks/prompt/prompt_text.h"

namespace lm {

SpanFiller::SpanFiller(Compute& compute, const TextModel& model, PromptOptions options, const DecodingOptions& decoding)
    : model_(model),
      options_(std::move(options)),
      sentinels_(special_ids(model.tokenizer).sentinels),
      allowed_(model.samplable()),
      decoder_(make_decoder(compute, model, decoding)),
      read_(decoder_, model.config(), 1, decoding.cache_type),
      written_(decoder_, model.config(), 1, decoding.cache_type) {
  if (!was_trained_on(model, "span")) {
    throw Error("cannot use '" + model.path() + "' to fill spans: it was trained with the objective '" +
                model.model.record.objective + "'; train with --objective span");
  }
  Sampler(options_.sampling, allowed_, {});  // refuses what is out of range before any work
}

void SpanFiller::read(std::span<const TokenId> ids) {
  gaps_ = 0;
  for (const TokenId id : ids) {
    const auto sentinel = std::find(sentinels_.begin(), sentinels_.end(), id);
    if (sentinel == sentinels_.end()) continue;
    if (sentinel != sentinels_.begin() + static_cast<std::ptrdiff_t>(gaps_)) {
      throw Error("'" + std::string(model_.bytes_of(id)) +
                  "' is out of turn: the text must hold <|extra_0|>, <|extra_1|>, " + "... in this order, each once");
    }
    ++gaps_;
  }
  if (gaps_ == 0) throw Error("nothing to fill: the text holds no <|extra_0|>");
  ids_.assign(ids.begin(), ids.end());
  std::vector<TokenId> prefix = model_.tokenizer.opening();
  prefix.insert(prefix.end(), ids.begin(), ids.end());
  // In training a window always ends with a hidden span: a text that does not gets one, which is not asked for.
  const bool add_gap = ids.back() != sentinels_[gaps_ - 1] && gaps_ < sentinels_.size();
  closing_ = add_gap ? sentinels_[gaps_] : model_.tokenizer.end_of_text();
  if (add_gap) prefix.push_back(closing_);
  prefix.push_back(model_.tokenizer.end_of_text());
  const std::int64_t prefix_length = std::ssize(prefix);
  prefix.push_back(sentinels_.front());  // what comes first is certain
  if (std::ssize(prefix) > model_.config().context_length) {
    throw Error("the text is too long: with its ends it has " + std::to_string(prefix_length) +
                " tokens, and the context of '" + model_.path() + "' is " + std::to_string(model_.config().context_length));
  }
  model_.require_embedded(prefix);
  read_.reserve(std::ssize(prefix));
  written_.reserve(std::ssize(prefix) + std::min(options_.max_tokens, model_.config().context_length));
  read_.read(prefix, prefix_length);
  ++texts_;
}

SpanSample SpanFiller::sample(std::int64_t number) {
  LM_CHECK(texts_ > 0 && number >= 0);
  written_.copy_from(read_);
  std::vector<std::uint8_t> allowed = allowed_;
  for (const TokenId end : model_.ends()) allowed[end] = 0;
  const auto allow_ends = [&](std::size_t turn) {
    allowed[closing_] = turn + 1 == gaps_ ? 1 : 0;
    allowed[sentinels_[turn]] = 0;
    if (turn + 1 < gaps_) allowed[sentinels_[turn + 1]] = 1;
  };
  const std::uint64_t text = static_cast<std::uint64_t>(texts_ - 1) << 32 | static_cast<std::uint64_t>(number);
  Sampler sampler(options_.sampling, allowed, {.seed = options_.seed, .text = text});
  SpanSample result;
  result.spans.resize(gaps_);
  std::size_t turn = 0;
  allow_ends(turn);
  const std::int64_t room = model_.config().context_length - std::ssize(read_.visible()) + 1;
  const std::int64_t limit = std::min(options_.max_tokens, room);
  while (result.tokens < limit) {
    // The end-of-text that opens the text has not been said: no repetition.
    const TokenId token = sampler.choose(written_.logits(), std::span<const TokenId>(written_.visible()).subspan(1));
    ++result.tokens;
    if (token == closing_) {
      result.end = TextEnd::end_of_text;
      break;
    }
    if (turn + 1 < gaps_ && token == sentinels_[turn + 1]) {
      allow_ends(++turn);
    } else {
      result.spans[turn].push_back(token);
    }
    if (result.tokens < limit) written_.append(token);
  }
  return result;
}

std::vector<TokenId> SpanFiller::filled(const SpanSample& sample) const {
  std::vector<TokenId> result;
  std::size_t gap = 0;
  for (const TokenId id : ids_) {
    if (std::find(sentinels_.begin(), sentinels_.end(), id) == sentinels_.end()) {
      result.push_back(id);
      continue;
    }
    const std::vector<TokenId>& span = sample.spans[gap++];
    result.insert(result.end(), span.begin(), span.end());
  }
  return result;
}

std::string readable_text(const TextModel& model, std::span<const TokenId> ids) {
  std::string text;
  TextStream stream({}, [&](std::string_view piece) { text += piece; });
  stream.begin({});
  for (const TokenId id : ids) stream.feed(model.bytes_of(id));
  stream.finish();
  return text;
}

std::string span_sample_json(const SpanSample& sample, const SpanFiller& filler, const TextModel& model,
                             std::string_view prompt, std::int64_t number) {
  JsonValue::Array spans;
  for (const std::vector<TokenId>& span : sample.spans) spans.emplace_back(readable_text(model, span));
  JsonValue json;
  json.set("prompt", prompt);
  json.set("sample", number);
  json.set("text", readable_text(model, filler.filled(sample)));
  json.set("spans", std::move(spans));
  json.set("tokens", sample.tokens);
  json.set("end", to_string(sample.end));
  return json.dump() + "\n";
}

}  // namespace lm
