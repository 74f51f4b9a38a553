#include "tasks/prompt/prompt_text.h"

#include <algorithm>
#include <utility>

#include "text/unicode/unicode.h"

namespace lm {

TextStream::TextStream(std::vector<std::string> stops, Write write) : stops_(std::move(stops)), write_(std::move(write)) {
  std::erase(stops_, std::string());
}

void TextStream::begin(std::string_view unfinished_character) {
  held_ = unfinished_character;
  unmatched_ = held_.size();
  size_ = 0;
  stopped_ = false;
}

/// Returns where in held_ the first stop string begins, or npos.
std::size_t TextStream::find_stop() const {
  std::size_t first = std::string::npos;
  for (const std::string& stop : stops_) first = std::min(first, held_.find(stop, unmatched_));
  return first;
}

/// Returns the length of the longest end of held_ that is the beginning of a stop string.
std::size_t TextStream::possible_stop() const {
  const std::string_view matched = std::string_view(held_).substr(unmatched_);
  std::size_t longest = 0;
  for (const std::string& stop : stops_) {
    for (std::size_t length = std::min(stop.size() - 1, matched.size()); length > longest; --length) {
      if (matched.ends_with(std::string_view(stop).substr(0, length))) longest = length;
    }
  }
  return longest;
}

/// Writes the first `count` bytes of held_, less a character that is not complete there.
void TextStream::hand_on(std::size_t count) {
  std::string_view text = std::string_view(held_).substr(0, count);
  text.remove_suffix(incomplete_utf8_tail(text));
  const std::size_t taken = text.size();
  std::string valid;
  while (!text.empty()) {
    const DecodedChar character = decode_utf8(text.data(), text.data() + text.size());
    if (character.code_point == kInvalidCodePoint) {
      valid += "\uFFFD";
    } else {
      valid += text.substr(0, character.length);
    }
    text.remove_prefix(character.length);
  }
  held_.erase(0, taken);
  unmatched_ -= std::min(unmatched_, taken);
  if (!valid.empty()) write_(valid);
}

bool TextStream::feed(std::string_view bytes) {
  if (stopped_) return false;
  held_ += bytes;
  size_ += static_cast<std::int64_t>(bytes.size());
  const std::size_t stop = find_stop();
  if (stop == std::string::npos) {
    hand_on(held_.size() - possible_stop());
    return true;
  }
  size_ -= static_cast<std::int64_t>(held_.size() - stop);
  hand_on(stop);
  held_.clear();
  stopped_ = true;
  return false;
}

void TextStream::finish() {
  if (!stopped_) hand_on(held_.size());
  held_.clear();
}

}  // namespace lm
