// A tokenizer for tests of objectives: some special ids, every byte, and a few pairs of bytes, encoded greedily.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "base/token_codec.h"
#include "base/token_table.h"
#include "objectives/objective.h"

namespace lm::test {

/// Ids:   0       end-of-text
///        1       mask
///        2-4     prefix, suffix and middle of fim
///        5-14    sentinels
///        15      another special token
///        16-271  the bytes
///        272-    pairs of bytes
class ByteTokenizer : public TokenCodec, public TokenTable {
 public:
  static constexpr TokenId kMask = 1, kPrefix = 2, kSuffix = 3, kMiddle = 4, kSentinel = 5, kOther = 15, kByte = 16;

  ByteTokenizer() {
    for (int i = 0; i < 16; ++i) pieces_.push_back("<" + std::to_string(i) + ">");
    for (int i = 0; i < 256; ++i) pieces_.push_back(std::string(1, static_cast<char>(i)));
    for (const char* pair : {"th", "he", "in", "er", "an", "\xC3\xA9", "  ", "\n\n"}) pieces_.push_back(pair);
  }
  std::string_view bytes_of(TokenId id) const override { return pieces_.at(id); }
  std::vector<TokenId> encode(std::string_view bytes) const override {
    std::vector<TokenId> ids;
    for (std::size_t i = 0; i < bytes.size(); i += pieces_[ids.back()].size()) ids.push_back(longest(bytes.substr(i)));
    return ids;
  }
  std::int64_t vocab_size() const override { return static_cast<std::int64_t>(pieces_.size()); }
  TokenId end_of_text() const override { return 0; }
  std::int64_t byte_length(TokenId id) const override {
    return is_special(id) ? 0 : static_cast<std::int64_t>(pieces_[id].size());
  }
  bool begins_word(TokenId id) const override { return id == 0 || pieces_[id][0] == ' '; }
  bool is_special(TokenId id) const override { return id < kByte; }

  ObjectiveOptions options(std::int64_t context_length) const {
    ObjectiveOptions options;
    options.context_length = context_length;
    options.table = this;
    options.codec = this;
    options.special = {.mask = kMask, .fim_prefix = kPrefix, .fim_suffix = kSuffix, .fim_middle = kMiddle, .sentinels = {}};
    for (TokenId id = kSentinel; id < kOther; ++id) options.special.sentinels.push_back(id);
    return options;
  }

 private:
  TokenId longest(std::string_view bytes) const {
    for (std::size_t id = pieces_.size(); id-- > kByte + 256;) {
      if (bytes.starts_with(pieces_[id])) return static_cast<TokenId>(id);
    }
    return kByte + static_cast<unsigned char>(bytes[0]);
  }
  std::vector<std::string> pieces_;
};

/// Returns ids as text, special ones as their spelling.
inline std::string text_of(const TokenCodec& codec, const std::vector<TokenId>& ids) {
  std::string text;
  for (const TokenId id : ids) text += codec.bytes_of(id);
  return text;
}

}  // namespace lm::test
