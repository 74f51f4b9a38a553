// The tables behind a Tokenizer, which the encoder reads. Built once, then constant.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <vector>

#include "base/token.h"
#include "text/pair_table.h"
#include "text/pattern/pretokenizer.h"
#include "text/special_matcher.h"
#include "text/tokenizer_parts.h"

namespace lm {

struct TokenizerTables {
  TokenizerParts parts;
  TokenId end_of_text = 0;
  std::vector<bool> special;             // by id: special tokens and unused ids
  TokenIndex ordinary;                   // bytes to id, special tokens left out
  std::array<TokenId, 256> byte_tokens;  // the token of each single byte
  std::size_t longest_ordinary = 1;      // bytes
  PairTable pairs;                       // merges that text can reach: none makes a special token
  SpecialMatcher always;                 // added tokens that are not special
  SpecialMatcher all;                    // and the special ones
  std::bitset<65536> joined;             // byte pairs (first * 256 + second) that are neighbours in some ordinary token
  Fingerprint fingerprint;
};

}  // namespace lm
