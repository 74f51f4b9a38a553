// From tokens back to text: Hugging Face's decoders, as a machine that is fed one token at a time.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "text/normalize/replacement.h"

namespace lm {

struct DecodeStep;

/// Writes what tokens stand for. The bytes of tokens such as <0xE3> are written as they are, so a run of them that is not
/// UTF-8 is kept, where the library writes U+FFFD for each; so are bytes that ByteLevel's tokens leave incomplete.
class TokenDecoder {
 public:
  /// Joins tokens with spaces, as the library does without a decoder.
  TokenDecoder();
  ~TokenDecoder();
  TokenDecoder(const TokenDecoder&);
  TokenDecoder(TokenDecoder&&) noexcept;
  TokenDecoder& operator=(const TokenDecoder&);
  TokenDecoder& operator=(TokenDecoder&&) noexcept;

  /// Reads the value of "decoder" in a tokenizer.json; null joins tokens with spaces. Throws Error naming `source` for a type
  /// that is not known, and for one that cannot follow Fuse or ByteLevel. `factory` makes what finds the matches of expressions
  /// in Replace.
  static TokenDecoder from_json(const JsonValue& value, std::string_view source, const MatchFinderFactory& factory = {});

  /// Where a text that is being decoded has come to. Its size is bounded by the longest token, what Strip may remove at the
  /// end, and, if decoders that look at whole tokens follow ByteFallback, the longest run of byte tokens.
  struct State {
    struct Step {
      std::size_t tokens = 0;   // that have come
      std::size_t removed = 0;  // by Strip, at the start
      bool is_past_start = false;
      bool holds = false;
      std::string held;  // a token, a run of bytes, or the end of the text so far
    };
    std::vector<Step> steps;
  };
  void begin(State& state) const;
  /// Takes the next token and appends to `out` what is certain now.
  void feed(State& state, std::string_view token, std::string& out) const;
  /// Appends what was held back for the text's end.
  void finish(State& state, std::string& out) const;

  bool is_byte_level() const;
  /// Appends what the token stands for in the middle of a text: of "▁the" " the", of "<0x0A>" a line feed, of "##ing" "ing".
  void middle_text(std::string_view token, std::string& out) const;

 private:
  std::vector<DecodeStep> steps_;
};

/// Returns what TokenDecoder::middle_text() appends.
std::string token_text(const TokenDecoder& decoder, std::string_view token);

}  // namespace lm
