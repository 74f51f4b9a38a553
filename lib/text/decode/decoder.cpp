#include "text/decode/decoder.h"

#include <algorithm>
#include <optional>
#include <span>
#include <utility>

#include "text/decode/decode_step.h"
#include "text/normalize/growth.h"
#include "text/vocabulary/byte_level.h"

namespace lm {

namespace {

/// Returns the byte that a token such as <0xE3> stands for. A sign before one digit is taken, as by the library.
std::optional<char> byte_of_token(std::string_view token) {
  if (token.size() != 6 || !token.starts_with("<0x") || token.back() != '>') return std::nullopt;
  unsigned value = 0;
  for (const char c : token.substr(token[3] == '+' ? 4 : 3, token[3] == '+' ? 1 : 2)) {
    const int digit = c >= '0' && c <= '9'   ? c - '0'
                      : c >= 'A' && c <= 'F' ? c - 'A' + 10
                      : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                             : -1;
    if (digit < 0) return std::nullopt;
    value = 16 * value + static_cast<unsigned>(digit);
  }
  return static_cast<char>(static_cast<unsigned char>(value));
}

/// Returns the length of the longest end of `text` that `word`, which is longer, begins with.
std::size_t begun_length(std::string_view text, std::string_view word) {
  for (std::size_t length = std::min(text.size(), word.size() - 1); length > 0; --length) {
    if (text.ends_with(word.substr(0, length))) return length;
  }
  return 0;
}

std::string replaced(const Replacement& replacement, std::string_view token) {
  std::string text;
  replacement.append(token, text);
  return text;
}

/// Passes tokens, or pieces of the one that they were fused to, through the steps from one on.
class DecodeRun {
 public:
  /// No step may make more than `most` bytes.
  DecodeRun(std::span<const DecodeStep> steps, std::span<TokenDecoder::State::Step> states, std::size_t most,
            std::string& out)
      : steps_(steps), states_(states), most_(most), out_(out) {}

  /// Gives the token to the first step. The depth of the calls is that of the steps.
  void feed(std::string_view token) {
    refuse_growth(token.size(), most_);
    if (steps_.empty()) {
      out_ += token;
      return;
    }
    std::visit([&](const auto& step) { take(step, token); }, steps_[0].what);
    ++states_[0].tokens;
  }

  /// Gives what the first step holds to the next one. At the end of the text, what is only removed there goes.
  void flush(bool at_end) {
    if (steps_.empty()) return;
    std::visit([&](const auto& step) { give_held(step, at_end); }, steps_[0].what);
  }

 private:
  using State = TokenDecoder::State::Step;
  State& state() { return states_[0]; }
  bool is_fused() const { return steps_[0].is_fused; }
  void next(std::string_view token) { DecodeRun(steps_.subspan(1), states_.subspan(1), most_, out_).feed(token); }

  void take(const JoinTokens&, std::string_view token) {
    if (state().tokens == 0) return next(token);
    next(" " + std::string(token));
  }
  void take(const DecodeByteLevel&, std::string_view token) {
    std::string bytes;
    next(append_from_byte_level(token, bytes) ? bytes : token);
  }
  void take(const Replacement& replacement, std::string_view token) {
    if (is_fused()) return take_piece(replacement, token);
    next(replaced(replacement, token));
  }
  void take(const DecodeBytes& step, std::string_view token) {
    const std::optional<char> byte = byte_of_token(token);
    if (byte && step.whole_runs) {
      state().held += *byte;
    } else if (byte) {
      next(std::string_view(&*byte, 1));
    } else {
      give_held(step, false);
      next(token);
    }
  }
  void take(const FuseTokens&, std::string_view token) { next(token); }
  void take(const StripTokens& strip, std::string_view token) {
    if (is_fused()) return take_piece(strip, token);
    for (std::size_t i = 0; i < strip.start && token.starts_with(strip.content); ++i)
      token.remove_prefix(strip.content.size());
    for (std::size_t i = 0; i < strip.stop && token.ends_with(strip.content); ++i) token.remove_suffix(strip.content.size());
    next(token);
  }
  void take(const DecodeMetaspace& step, std::string_view token) {
    const bool is_first = is_fused() || state().tokens == 0;
    take(is_first && step.drops_first ? step.first : step.other, token);
  }
  void take(const DecodeWordPiece& step, std::string_view token) {
    std::string text(token);
    if (state().tokens > 0) {
      if (token.starts_with(step.prefix)) {
        text = token.substr(step.prefix.size());
      } else {
        text.insert(0, " ");
      }
    }
    if (step.cleanup) clean_up_english(text);
    next(text);
  }
  void take(const DecodeSuffix& step, std::string_view token) {
    if (state().holds) next(replaced(step.other, state().held));
    state().held = token;
    state().holds = true;
  }
  void take(const DecodeCtc& step, std::string_view token) {
    if (state().holds && state().held == token) return;
    state().held = token;
    state().holds = true;
    std::string text = replaced(step.pad, token);
    if (step.cleanup) {
      clean_up_english(text);
      text = replaced(step.delimiter, text);
    }
    if (!text.empty()) next(text);
  }

  void take_piece(const Replacement& replacement, std::string_view piece) {
    const std::string& word = *replacement.literal();
    std::string text = std::move(state().held) + std::string(piece);
    std::string done;
    std::size_t from = 0;
    for (std::size_t at = 0; (at = text.find(word, from)) != std::string::npos; from = at + word.size()) {
      done.append(text, from, at - from);
      done += replacement.content();
      refuse_growth(done.size(), std::max(most_, growth_limit(text.size())));
    }
    const std::string_view rest = std::string_view(text).substr(from);
    const std::size_t begun = begun_length(rest, word);
    done += rest.substr(0, rest.size() - begun);
    state().held = rest.substr(rest.size() - begun);
    next(done);
  }

  void take_piece(const StripTokens& strip, std::string_view piece) {
    const std::string& content = strip.content;
    const std::string text = std::move(state().held) + std::string(piece);
    state().held.clear();
    std::string_view rest = text;
    for (; state().removed < strip.start && rest.starts_with(content); ++state().removed) rest.remove_prefix(content.size());
    if (!state().is_past_start && state().removed < strip.start && rest.size() < content.size() &&
        content.starts_with(rest)) {
      state().held = rest;
      return;
    }
    state().is_past_start = true;
    state().removed = strip.start;
    std::size_t keep = rest.size();
    if (strip.stop > 0) {
      keep -= begun_length(rest, content);
      for (std::size_t i = 0; i < strip.stop && rest.substr(0, keep).ends_with(content); ++i) keep -= content.size();
    }
    state().held = rest.substr(keep);
    next(rest.substr(0, keep));
  }

  template <class Step>
  void give_held(const Step&, bool) {}
  void give_held(const Replacement&, bool) { give_held_text(); }
  void give_held(const DecodeMetaspace&, bool) { give_held_text(); }
  void give_held(const DecodeBytes&, bool) { give_held_text(); }
  void give_held(const DecodeSuffix& step, bool at_end) {
    if (state().holds) next(replaced(at_end ? step.last : step.other, state().held));
  }
  void give_held(const StripTokens& strip, bool at_end) {
    // What is held are whole characters to remove, unless the last is incomplete.
    if (at_end && state().held.ends_with(strip.content)) state().held.clear();
    give_held_text();
  }
  void give_held_text() {
    const std::string held = std::move(state().held);
    state().held.clear();
    most_ = std::max(most_, growth_limit(held.size()));  // there may be more of it than of one token
    if (!held.empty()) next(held);
  }

  std::span<const DecodeStep> steps_;
  std::span<TokenDecoder::State::Step> states_;
  std::size_t most_;
  std::string& out_;
};

}  // namespace

void clean_up_english(std::string& text) {
  static constexpr std::pair<std::string_view, std::string_view> kReplaced[] = {
      {" .", "."},   {" ?", "?"},           {" !", "!"},   {" ,", ","},     {" ' ", "'"},   {" n't", "n't"},
      {" 'm", "'m"}, {" do not", " don't"}, {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"}};
  if (text.find(' ') == std::string::npos) return;
  for (const auto& [from, to] : kReplaced) {
    if (text.find(from) != std::string::npos) text = replaced(Replacement::of_literal(from, to), text);
  }
}

TokenDecoder::TokenDecoder() : steps_{DecodeStep{JoinTokens{}}} {}
TokenDecoder::~TokenDecoder() = default;
TokenDecoder::TokenDecoder(const TokenDecoder&) = default;
TokenDecoder::TokenDecoder(TokenDecoder&&) noexcept = default;
TokenDecoder& TokenDecoder::operator=(const TokenDecoder&) = default;
TokenDecoder& TokenDecoder::operator=(TokenDecoder&&) noexcept = default;

TokenDecoder TokenDecoder::from_json(const JsonValue& value, std::string_view source, const MatchFinderFactory& factory) {
  TokenDecoder decoder;
  if (!value.is_null()) decoder.steps_ = read_decode_steps(value, source, factory);
  return decoder;
}

void TokenDecoder::begin(State& state) const { state.steps.assign(steps_.size(), {}); }

void TokenDecoder::feed(State& state, std::string_view token, std::string& out) const {
  if (is_byte_level()) {
    if (!append_from_byte_level(token, out)) out += token;
    return;
  }
  DecodeRun(steps_, state.steps, growth_limit(token.size()), out).feed(token);
}

void TokenDecoder::finish(State& state, std::string& out) const {
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    DecodeRun(std::span(steps_).subspan(i), std::span(state.steps).subspan(i), growth_limit(0), out).flush(true);
  }
}

bool TokenDecoder::is_byte_level() const {
  return steps_.size() == 1 && std::holds_alternative<DecodeByteLevel>(steps_[0].what);
}

void TokenDecoder::middle_text(std::string_view token, std::string& out) const {
  State state;
  begin(state);
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    state.steps[i].tokens = 1;
    state.steps[i].is_past_start = true;
    if (const auto* strip = std::get_if<StripTokens>(&steps_[i].what)) state.steps[i].removed = strip->start;
  }
  feed(state, token, out);
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    DecodeRun(std::span(steps_).subspan(i), std::span(state.steps).subspan(i), growth_limit(token.size()), out).flush(false);
  }
}

std::string token_text(const TokenDecoder& decoder, std::string_view token) {
  std::string text;
  decoder.middle_text(token, text);
  return text;
}

}  // namespace lm
