// What SentencePiece does to a text before it looks for pieces.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "text/normalize/before_cut.h"
#include "text/normalize/charsmap.h"
#include "text/vocabulary/token_strings.h"

namespace lm {

/// Finds the longest of some words at the front of a text.
class WordPrefixes {
 public:
  WordPrefixes() = default;
  explicit WordPrefixes(std::vector<std::string_view> words);
  /// Returns the length of the longest word that `text` begins with, or 0.
  std::size_t longest(std::string_view text) const;
  /// Returns whether some word begins with a byte.
  bool begins_with(char byte) const { return begins_[static_cast<unsigned char>(byte)]; }
  /// Returns whether some word contains a space or a line feed behind its first byte.
  bool spans_space() const { return spans_space_; }

 private:
  static constexpr std::uint32_t kNone = 0xFFFFFFFF;
  std::array<bool, 256> begins_{};
  TokenStrings words_;                  // sorted
  std::vector<std::uint32_t> shorter_;  // of each word the longest other one that it begins with, or kNone
  bool spans_space_ = false;
};

class SentencePieceNormalizer {
 public:
  struct Settings {
    bool add_dummy_prefix = true;
    bool remove_extra_whitespaces = true;
    bool escape_whitespaces = true;
    bool treat_whitespace_as_suffix = false;
  };
  SentencePieceNormalizer(const Settings& settings, std::optional<CharsMap> map, WordPrefixes user_defined)
      : settings_(settings), map_(std::move(map)), user_defined_(std::move(user_defined)) {
    for (int c = '!'; c < 0x7F; ++c) {
      const char character = static_cast<char>(c);
      is_plain_[static_cast<std::size_t>(c)] =
          !user_defined_.begins_with(character) && (!map_ || map_->leaves_ascii(character));
    }
  }

  /// Appends the normalized text; each byte that is not UTF-8 becomes U+FFFD. What is done at the ends of a text is done if the
  /// text's ends are those of the section.
  void append(std::string_view text, bool begins, bool ends, std::string& out) const;

  const Settings& settings() const { return settings_; }
  bool spans_cut(BeforeCut before) const { return user_defined_.spans_space() || (map_ && map_->spans_cut(before)); }
  bool has_map() const { return map_.has_value(); }

 private:
  /// What the front of a text becomes, and how many of its bytes that takes.
  struct Prefix {
    std::string_view normalized;
    std::size_t length;
  };
  Prefix prefix(std::string_view text) const;
  std::size_t plain_length(std::string_view text) const;

  Settings settings_;
  std::optional<CharsMap> map_;
  WordPrefixes user_defined_;
  std::array<bool, 256> is_plain_{};  // what becomes itself before another character of ASCII
};

}  // namespace lm
