#include "text/training/text_counter.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "text/uncut_text.h"
#include "text/unicode/unicode.h"

namespace lm {

namespace {

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
/// Of the first or last byte of a character: false if it is certainly no space.
bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r') || static_cast<unsigned char>(c) >= 0x80; }
bool is_alphanumeric(char c) { return is_letter(c) || (c >= '0' && c <= '9'); }

bool ends_with_space(std::string_view text) {
  if (static_cast<unsigned char>(text.back()) < 0x80) return is_space(text.back());
  std::size_t begin = text.size() - 1;
  while (begin > 0 && text.size() - begin < 4 && (static_cast<unsigned char>(text[begin]) & 0xC0U) == 0x80) --begin;
  const DecodedChar last = decode_utf8(text.data() + begin, text.data() + text.size());
  return begin + last.length == text.size() && UnicodeClasses::get().of(last.code_point) == CharClass::space;
}

}  // namespace

TextCounter::TextCounter(const TextCounterOptions& options, PretokenStore& store, ThreadPool& pool)
    : options_(options),
      store_(store),
      pool_(pool),
      workers_(static_cast<std::size_t>(pool.threads()), Worker{PretokenSpans(options.header.pattern, options.tier)}),
      blocks_(1),
      look_at_(options.block) {}

void TextCounter::feed(std::string_view bytes) {
  while (!bytes.empty()) {
    std::string& text = blocks_.back().text;
    const std::size_t part = std::min(bytes.size(), look_at_ - text.size());
    text += bytes.substr(0, part);
    bytes.remove_prefix(part);
    if (text.size() >= look_at_) close_block();
  }
}

void TextCounter::end_document() {
  Block& block = blocks_.back();
  if (block.text.size() > unit_start()) block.ends.push_back(block.text.size());
  if (block.text.size() >= options_.block) close_block();
}

/// Returns the last place in a unit where every pattern is sure to cut: between a letter or digit and a space before a letter.
std::size_t TextCounter::last_cut(std::string_view text) const {
  if (options_.header.unit == CountingUnit::line) {
    const std::size_t newline = text.rfind('\n');
    return newline == std::string_view::npos ? 0 : newline + 1;
  }
  if (options_.header.pattern == Pattern::none) return 0;
  for (std::size_t at = text.size(); at-- > 2;) {
    if (text[at - 1] == ' ' && is_letter(text[at]) && is_alphanumeric(text[at - 2])) return at - 1;
  }
  return 0;
}

// The rest goes on in the next block. Where there is no place that is sure, the scanner finds one.
void TextCounter::close_block() {
  Block& block = blocks_.back();
  const std::size_t start = unit_start();
  const std::size_t cut = start + last_cut(std::string_view(block.text).substr(start));
  if (cut > 0) {
    std::string rest = block.text.substr(cut);
    block.text.resize(cut);
    if (cut > start) block.ends.push_back(cut);
    if (blocks_.size() >= 2 * static_cast<std::size_t>(pool_.threads())) count_blocks();
    if (!blocks_.back().text.empty()) blocks_.emplace_back();
    blocks_.back().text = std::move(rest);
  } else if (options_.header.pattern != Pattern::none && options_.header.unit == CountingUnit::document) {
    const std::size_t counted = count_unit(block.text, false, 0);
    flush(0);
    block.text.erase(0, counted);
  }
  const std::size_t held = blocks_.back().text.size();
  if (held > options_.held) {
    const bool is_line = options_.header.unit == CountingUnit::line;
    throw UncutText("more than " + std::to_string(options_.held >> 20U) + " MiB of it " +
                    (is_line ? "are one line, which --ties hf counts whole" : "have no place to cut them") +
                    ", which is too much for --memory; raise that" + (is_line ? ", or give --ties raw" : ""));
  }
  refuse_uncut(held);
  leave_room(held);
  look_at_ = std::max(options_.block, next_look(held));
}

/// A text may double until it is looked at again, and moves when its string grows.
void TextCounter::leave_room(std::size_t held) {
  const std::size_t room = held > 2 * options_.block ? 3 * held : 0;
  if (room != room_) store_.leave_room(room);
  room_ = room;
}

void TextCounter::finish() {
  end_document();
  count_blocks();
  blocks_ = std::vector<Block>(1);
  leave_room(0);
}

void TextCounter::count_blocks() {
  pool_.run(std::ssize(blocks_),
            [&](std::int64_t tile, int thread) { count(blocks_[static_cast<std::size_t>(tile)], thread); });
  blocks_.resize(1);
  // A long text gives its memory back.
  if (blocks_.front().text.capacity() > 4 * options_.block) blocks_.front().text = {};
  blocks_.front().text.clear();
  blocks_.front().ends.clear();
}

void TextCounter::count(const Block& block, int thread) {
  const std::string_view text = block.text;
  std::size_t at = 0;
  for (const std::size_t end : block.ends) {
    const std::string_view unit = text.substr(at, end - at);
    if (options_.header.unit == CountingUnit::document) {
      count_unit(unit, true, thread);
    } else if (options_.header.pattern == Pattern::gpt2) {
      count_gpt2_lines(unit, thread);
    } else {
      count_lines(unit, thread);
    }
    at = end;
  }
  flush(thread);
}

void TextCounter::count_lines(std::string_view text, int thread) {
  while (!text.empty()) {
    const std::size_t size = std::min(text.find('\n'), text.size() - 1) + 1;
    count_unit(text.substr(0, size), true, thread);
    text.remove_prefix(size);
  }
}

/// Counts lines as count_lines() does, with long stretches for the scanner. The ends of lines matter to this pattern only in
/// whitespace with newlines: a line's own ends with its newline and is one pretoken. Without lines all such whitespace but its
/// last character is one.
void TextCounter::count_gpt2_lines(std::string_view text, int thread) {
  PretokenSpans& spans = workers_[static_cast<std::size_t>(thread)].spans;
  spans.begin(text, true);
  std::string_view before;  // the last pretoken, which a newline may join
  while (const std::size_t count = spans.next()) {
    const std::uint32_t* starts = spans.starts();
    for (std::size_t i = 0; i < count; ++i) {
      std::string_view pretoken = text.substr(starts[i], starts[i + 1] - starts[i]);
      if (pretoken == "\n" && !before.empty() && before.back() != '\n' && ends_with_space(before)) {
        before = {before.data(), before.size() + 1};
        continue;
      }
      if (!before.empty()) add(before, thread);
      const bool may_have_newline = is_space(pretoken.front());
      for (std::size_t newline; may_have_newline && (newline = pretoken.find('\n')) < pretoken.size() - 1;) {
        add(pretoken.substr(0, newline + 1), thread);
        pretoken.remove_prefix(newline + 1);
      }
      before = pretoken;
    }
  }
  if (!before.empty()) add(before, thread);
}

/// Counts the pretokens of a text, or of its beginning those that are sure, and returns its length.
std::size_t TextCounter::count_unit(std::string_view text, bool is_final, int thread) {
  if (!is_final) text.remove_suffix(incomplete_utf8_tail(text));
  if (text.empty()) return 0;
  PretokenSpans& spans = workers_[static_cast<std::size_t>(thread)].spans;
  spans.begin(text, is_final);
  while (const std::size_t count = spans.next()) {
    const std::uint32_t* starts = spans.starts();
    for (std::size_t i = 0; i < count; ++i) add(text.substr(starts[i], starts[i + 1] - starts[i]), thread);
  }
  return spans.starts()[0];
}

void TextCounter::flush(int thread) {
  std::vector<std::string_view>& found = workers_[static_cast<std::size_t>(thread)].found;
  store_.add_all(thread, found);
  found.clear();
}

}  // namespace lm
