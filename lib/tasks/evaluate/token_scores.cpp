#include "tasks/evaluate/token_scores.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/json.h"
#include "tasks/evaluate/white_space.h"

namespace lm {

namespace {

std::string at_document(std::int64_t byte, std::int64_t document) {
  return "byte " + std::to_string(byte) + " of document " + std::to_string(document);
}

std::size_t leading_white_space(std::string_view text) {
  return static_cast<std::size_t>(std::find_if_not(text.begin(), text.end(), is_white_space) - text.begin());
}

}  // namespace

void WordAssembler::Group::add(const TokenScore& token) {
  const auto lead = static_cast<std::int64_t>(leading_white_space(token.text));
  const auto size = static_cast<std::int64_t>(token.text.size());
  if (lead < size) {
    std::int64_t last = size;
    while (is_white_space(token.text[static_cast<std::size_t>(last - 1)])) --last;
    if (text.find_first_not_of(" \t\n\v\f\r") == std::string::npos) start = token.span->start + lead;
    end = token.span->start + last;
  } else if (tokens == 0) {
    start = end = token.span->start;
  }
  text += token.text;
  ++tokens;
  nats += token.score.nats;
  scored = scored && token.scored;
}

void WordAssembler::Group::add(const Group& other) {
  if (other.tokens == 0) return;
  if (tokens == 0) {
    *this = other;
    return;
  }
  const auto visible = [](const Group& group) { return group.end > group.start; };
  if (visible(other)) {
    if (!visible(*this)) start = other.start;
    end = other.end;
  }
  text += other.text;
  tokens += other.tokens;
  nats += other.nats;
  scored = scored && other.scored;
}

WordAssembler::WordAssembler(WordBegin begin, NextWord next, Handler handler)
    : begin_(begin), next_(std::move(next)), handler_(std::move(handler)) {}

void WordAssembler::take_given() {
  LM_CHECK(!started_ && index_ == 0);
  takes_given_ = true;
}

/// Returns -log P(a word begins) at a token that begins one, given that the text before it leaves that open.
double WordAssembler::term_of(const TokenScore& token) const {
  if (!started_ || token.text.empty() || !token.scored) return 0;
  if (begin_ == WordBegin::space) return token.text.front() == ' ' ? token.score.begins_nats : 0;
  return is_white_space(token.text.front()) && !ends_white_ ? token.score.begins_nats : 0;
}

void WordAssembler::add(const TokenScore& token) {
  document_ = token.document;
  if (!token.span) {
    throw Error("cannot find the words of document " + std::to_string(document_) +
                ": the tokenizer changes its text, so that tokens do not say where they are in it");
  }
  const double term = term_of(token);
  // One that spells nothing, such as a space that the tokenizer leaves out, goes with what follows if no word has begun.
  const bool between = word_.tokens == 0 || white_.tokens > 0;
  const bool white = leading_white_space(token.text) == token.text.size() && (!token.text.empty() || between);
  const bool begins = !started_ || (!token.text.empty() && (ends_white_ || is_white_space(token.text.front())));
  started_ = true;
  if (!token.text.empty()) ends_white_ = is_white_space(token.text.back());
  if (takes_given_) text_ += token.text;
  if (white) {
    if (white_.tokens == 0) white_.before = term;
    white_.add(token);
    return;
  }
  if (takes_given_) return add_given(token, term);
  const double boundary = white_.tokens > 0 ? white_.before : term;
  if (begins && word_.tokens > 0) {
    emit(word_, boundary);
    word_ = {};
  }
  const bool is_first = word_.tokens == 0;
  word_.add(white_);
  word_.add(token);
  if (is_first) word_.before = boundary;
  white_ = {};
}

void WordAssembler::end_document(const std::optional<TargetScore>& after) {
  double term = after ? after->begins_nats : 0;
  if (begin_ == WordBegin::all && ends_white_) term = 0;
  word_.add(white_);
  if (takes_given_) {
    while (open_) {
      const std::optional<std::int64_t> next = next_visible(open_->end);
      close_given(next ? 0 : term);
      if (next) open_next(document_, *next);
    }
  } else if (word_.tokens > 0) {
    emit(word_, term);
  }
  word_ = white_ = {};
  started_ = ends_white_ = false;
  text_.clear();
  text_start_ = index_ = 0;
}

void WordAssembler::add_given(const TokenScore& token, double term) {
  const double boundary = white_.tokens > 0 ? white_.before : term;
  const std::int64_t first =
      token.span->start + static_cast<std::int64_t>(token.text.empty() ? 0 : leading_white_space(token.text));
  if (!open_ && !token.text.empty()) open_next(token.document, first);
  while (open_ && first >= open_->end && !token.text.empty()) {
    const std::int64_t next = next_visible(open_->end).value_or(first);
    close_given(next == first ? boundary : 0);
    open_next(token.document, next);
  }
  const bool is_first = word_.tokens == 0;
  word_.add(white_);
  word_.add(token);
  if (is_first) word_.before = boundary;
  white_ = {};
}

void WordAssembler::open_next(std::int64_t document, std::int64_t start) {
  std::optional<GivenWord> word = next_(document);
  if (!word) throw Error("no word is left for what is at " + at_document(start, document));
  if (word->text.empty()) throw Error("the word in " + word->place + " is empty");
  const auto size = static_cast<std::int64_t>(word->text.size());
  open_ = Open{.word = std::move(*word), .start = start, .end = start + size};
  text_.erase(0, static_cast<std::size_t>(start - text_start_));
  text_start_ = start;
}

void WordAssembler::close_given(double after) {
  const std::string& word = open_->word.text;
  const std::string_view there = std::string_view(text_).substr(0, word.size());
  if (there != word) {
    throw Error("the word " + json_quote(word) + " (" + open_->word.place + ") is not the next one at " +
                at_document(open_->start, document_) + ", where " + json_quote(there) +
                " is; words must follow each other as in the text");
  }
  word_.text = word;
  word_.start = open_->start;
  word_.end = open_->end;
  emit(word_, after);
  word_ = {};
  open_.reset();
}

/// Returns where text goes on after `from`; nothing if only whitespace is known there.
std::optional<std::int64_t> WordAssembler::next_visible(std::int64_t from) const {
  const std::size_t begin = std::min(static_cast<std::size_t>(from - text_start_), text_.size());
  const std::size_t lead = leading_white_space(std::string_view(text_).substr(begin));
  if (begin + lead == text_.size()) return std::nullopt;
  return text_start_ + static_cast<std::int64_t>(begin + lead);
}

void WordAssembler::emit(const Group& group, double after) {
  WordScore word;
  word.document = document_;
  word.index = index_++;
  word.tokens = group.tokens;
  word.span = {group.start, group.end};
  const std::size_t lead = leading_white_space(group.text);
  word.word = group.text.substr(lead, static_cast<std::size_t>(std::max<std::int64_t>(0, group.end - group.start)));
  if (group.tokens > 0 && group.scored) {
    word.nats = group.nats;
    word.corrected_nats = group.nats + after - group.before;
  }
  handler_(word);
}

}  // namespace lm
