#include "text/normalize/sentencepiece_normalizer.h"

#include <algorithm>

#include "base/utf8.h"
#include "text/normalize/growth.h"

namespace lm {

namespace {

constexpr std::string_view kEscapedSpace = "\xE2\x96\x81", kReplacementCharacter = "\xEF\xBF\xBD";

}  // namespace

WordPrefixes::WordPrefixes(std::vector<std::string_view> words) {
  std::sort(words.begin(), words.end());
  words.erase(std::unique(words.begin(), words.end()), words.end());
  shorter_.reserve(words.size());
  for (const std::string_view word : words) {
    if (word.empty()) continue;
    begins_[static_cast<unsigned char>(word[0])] = true;
    spans_space_ = spans_space_ || word.substr(1).find_first_of(" \n") != std::string_view::npos;
    // What a word begins with comes before it, and all between the two begin with that, too.
    std::uint32_t shorter = words_.size() == 0 ? kNone : words_.size() - 1;
    while (shorter != kNone && !word.starts_with(words_[shorter])) shorter = shorter_[shorter];
    shorter_.push_back(shorter);
    words_.push_back(word);
  }
}

std::size_t WordPrefixes::longest(std::string_view text) const {
  if (text.empty() || !begins_[static_cast<unsigned char>(text[0])]) return 0;
  std::uint32_t low = 0, high = words_.size();  // the first word that is greater than the text is in [low, high]
  while (low < high) {
    const std::uint32_t middle = low + (high - low) / 2;
    if (words_[middle] <= text) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  std::uint32_t word = low == 0 ? kNone : low - 1;
  while (word != kNone && !text.starts_with(words_[word])) word = shorter_[word];
  return word == kNone ? 0 : words_[word].size();
}

SentencePieceNormalizer::Prefix SentencePieceNormalizer::prefix(std::string_view text) const {
  if (const std::size_t length = user_defined_.longest(text); length > 0) return {text.substr(0, length), length};
  if (map_) {
    if (const auto match = map_->longest(text)) return {match->replacement, match->length};
  }
  const DecodedChar character = decode_utf8(text.data(), text.data() + text.size());
  if (character.code_point == kInvalidCodePoint) return {kReplacementCharacter, 1};
  return {text.substr(0, character.length), character.length};
}

/// Returns how many characters at the front of a text become themselves.
std::size_t SentencePieceNormalizer::plain_length(std::string_view text) const {
  std::size_t length = 0;
  while (length + 1 < text.size() && is_plain_[static_cast<unsigned char>(text[length])] &&
         static_cast<unsigned char>(text[length + 1]) < 0x80) {
    ++length;
  }
  return length;
}

void SentencePieceNormalizer::append(std::string_view text, bool begins, bool ends, std::string& out) const {
  if (text.empty()) return;
  const bool removes = settings_.remove_extra_whitespaces;
  if (removes && begins) {
    while (!text.empty()) {
      const Prefix front = prefix(text);
      if (front.normalized != " ") break;
      text.remove_prefix(front.length);
    }
    if (text.empty()) return;
  }
  const std::size_t start = out.size(), most = start + growth_limit(text.size());
  const std::string_view space = settings_.escape_whitespaces ? kEscapedSpace : " ";
  if (begins && settings_.add_dummy_prefix && !settings_.treat_whitespace_as_suffix) out += space;
  bool after_space = removes && begins;
  while (!text.empty()) {
    if (const std::size_t plain = plain_length(text); plain > 0) {
      out.append(text, 0, plain);
      text.remove_prefix(plain);
      after_space = false;
    }
    const Prefix front = prefix(text);
    text.remove_prefix(front.length);
    std::string_view normalized = front.normalized;
    while (after_space && !normalized.empty() && normalized[0] == ' ') normalized.remove_prefix(1);
    if (normalized.empty()) continue;
    for (const char byte : normalized) {
      if (byte == ' ') {
        out += space;
      } else {
        out += byte;
      }
    }
    after_space = removes && normalized.back() == ' ';
    refuse_growth(out.size(), most);
  }
  if (!ends) return;
  while (removes && out.size() - start >= space.size() && std::string_view(out).substr(start).ends_with(space)) {
    out.resize(out.size() - space.size());
  }
  if (settings_.add_dummy_prefix && settings_.treat_whitespace_as_suffix) out += space;
}

}  // namespace lm
