// One step of a decoder.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "text/decode/decoder.h"
#include "text/normalize/replacement.h"

namespace lm {

/// Puts a space between tokens.
struct JoinTokens {};
/// Turns GPT-2's spelling back into bytes, and all tokens into one.
struct DecodeByteLevel {};
/// Turns tokens such as <0xE3> into bytes, a run of them into one token if `whole_runs`.
struct DecodeBytes {
  bool whole_runs = false;
};
/// Makes all tokens one.
struct FuseTokens {};
/// Removes up to `start` and `stop` times a character at the ends of each token.
struct StripTokens {
  std::string content;
  std::size_t start = 0, stop = 0;
};
/// Turns a mark into a space, in the first token into nothing if `drops_first`.
struct DecodeMetaspace {
  bool drops_first = true;
  Replacement first, other;
};
/// Puts a space before each token but the first, unless the token begins with the prefix, which goes.
struct DecodeWordPiece {
  std::string prefix;
  bool cleanup = true;
};
/// Turns a suffix into a space, in the last token into nothing.
struct DecodeSuffix {
  Replacement last, other;
};
struct DecodeCtc {
  Replacement pad, delimiter;
  bool cleanup = true;
};

struct DecodeStep {
  std::variant<JoinTokens, DecodeByteLevel, Replacement, DecodeBytes, FuseTokens, StripTokens, DecodeMetaspace,
               DecodeWordPiece, DecodeSuffix, DecodeCtc>
      what;
  bool is_fused = false;  // what comes is pieces of one token

  bool fuses() const { return std::holds_alternative<DecodeByteLevel>(what) || std::holds_alternative<FuseTokens>(what); }
};

/// Returns the steps that the value of "decoder" in a tokenizer.json describes.
std::vector<DecodeStep> read_decode_steps(const JsonValue& value, std::string_view source,
                                          const MatchFinderFactory& factory);

/// Removes spaces before English punctuation and contractions, as WordPiece's and CTC's decoders do.
void clean_up_english(std::string& text);

}  // namespace lm
