// The tables behind a Tokenizer, which the encoder reads. Built once, then constant.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/token.h"
#include "text/added_matcher.h"
#include "text/decode/decoder.h"
#include "text/normalize/normalizer.h"
#include "text/pattern/pre_tokenizer.h"
#include "text/pattern/word_cuts.h"
#include "text/post_processor.h"
#include "text/spelled_model.h"
#include "text/tokenizer_parts.h"
#include "text/vocabulary/character_cuts.h"
#include "text/vocabulary/merge_table.h"

namespace lm {

/// Marks a byte that has no token, and for which there is none of unknown text.
inline constexpr TokenId kNoByteToken = 0xFFFFFFFF;

struct TokenizerTables {
  TokenizerParts parts;
  TokenId end_of_text = 0;
  std::vector<bool> special;          // by id: special tokens and unused ids
  std::vector<TokenId> reserved;      // those of them that are special here only, ascending
  TokensAround around;                // each text, as its post-processor says
  std::vector<TokenId> begin_tokens;  // what precedes each text here, except end-of-text
  std::vector<TokenId> stated_begin;  // the same with end-of-text
  bool names_begin = false;           // they were asked for by name
  bool opens_with_nothing = false;    // not even end-of-text is taken to precede a text
  bool loses_text = false;            // decoding does not give back every text
  std::vector<std::string> notes;     // what its user should know
  std::string closing_note;           // likewise, unless the tokens after a text are put there
  AddedMatcher added;
  Normalizer normalizer;
  Fingerprint fingerprint;

  // The form bytes.
  std::vector<bool> absent;              // by id: what text never becomes
  TokenIndex ordinary;                   // bytes to id, absent ones left out
  std::array<TokenId, 256> byte_tokens;  // the token of each single byte, or kNoByteToken
  std::bitset<256> missing_bytes;        // that have no token of their own
  bool has_all_bytes = true;
  std::size_t longest_ordinary = 1;       // bytes
  MergeTable pairs;                       // merges that text can reach: none makes a special token
  std::vector<std::uint32_t> byte_pairs;  // the ranks of the merges of two bytes, first * 256 + second
  CharacterCuts cuts;                     // inside pretokens
  std::bitset<65536> joined;              // byte pairs (first * 256 + second) that are neighbours in some ordinary token

  // The form spelled.
  PreTokenizer pre_tokenizer;
  TokenDecoder decoder;
  SpelledModel model;
  std::map<TokenId, std::string> normal_spellings;  // of added tokens that normalization changes: what is decoded
  bool drops_first_space = false;   // SentencePiece's decoder leaves out a space that the first token begins with
  bool drops_first_spaces = false;  // and those of tokens behind it, until there is text
  TokenStrings texts;               // what each token stands for in the middle of a text

  /// Whether a document may be encoded in stretches that end between a letter or number and a space.
  bool cuts_before_space = false;
  /// Where a section may be cut into parts that become the same tokens wherever they are; if word_sums, except where sums decide.
  WordCuts word_cuts = WordCuts::none;
  bool word_sums = false;
};

}  // namespace lm
