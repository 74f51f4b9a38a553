#include "text/normalize/sentencepiece_normalizer.h"

#include "base/utf8.h"

namespace lm {

namespace {

constexpr std::string_view kEscapedSpace = "\xE2\x96\x81", kReplacementCharacter = "\xEF\xBF\xBD";

std::uint64_t child_key(std::uint32_t node, char byte) {
  return std::uint64_t{node} << 8 | static_cast<unsigned char>(byte);
}

}  // namespace

void WordPrefixes::add(std::string_view word) {
  if (word.empty()) return;
  begins_[static_cast<unsigned char>(word[0])] = true;
  spans_space_ = spans_space_ || word.substr(1).find_first_of(" \n") != std::string_view::npos;
  std::uint32_t node = 0;
  for (const char byte : word) {
    const auto [place, is_new] = children_.try_emplace(child_key(node, byte), static_cast<std::uint32_t>(ends_.size()));
    if (is_new) ends_.push_back(false);
    node = place->second;
  }
  ends_[node] = true;
}

std::size_t WordPrefixes::longest(std::string_view text) const {
  if (text.empty() || !begins_[static_cast<unsigned char>(text[0])]) return 0;
  std::size_t length = 0;
  std::uint32_t node = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto found = children_.find(child_key(node, text[i]));
    if (found == children_.end()) break;
    node = found->second;
    if (ends_[node]) length = i + 1;
  }
  return length;
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
  const std::size_t start = out.size();
  const std::string_view space = settings_.escape_whitespaces ? kEscapedSpace : " ";
  if (begins && settings_.add_dummy_prefix && !settings_.treat_whitespace_as_suffix) out += space;
  bool after_space = removes && begins;
  while (!text.empty()) {
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
  }
  if (!ends) return;
  while (removes && out.size() - start >= space.size() && std::string_view(out).substr(start).ends_with(space)) {
    out.resize(out.size() - space.size());
  }
  if (settings_.add_dummy_prefix && settings_.treat_whitespace_as_suffix) out += space;
}

}  // namespace lm
