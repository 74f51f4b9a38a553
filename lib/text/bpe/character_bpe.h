// BPE over characters: by a list of merges, as Hugging Face's library has it, or by scores, as SentencePiece and llama.cpp do.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/token.h"
#include "text/bpe/character_table.h"
#include "text/vocabulary/byte_tokens.h"
#include "text/vocabulary/pair_table.h"
#include "text/vocabulary/piece_cache.h"
#include "text/vocabulary/piece_kind.h"
#include "text/vocabulary/prefix_trie.h"
#include "text/vocabulary/token_strings.h"

namespace lm {

struct CharacterBpeOptions {
  /// merge_list: only listed pairs merge, the first of the list first. scores: any neighbours merge whose concatenation is a
  /// token, that of the highest score first, of equal ones the leftmost.
  enum class Rule { merge_list, scores };
  Rule rule = Rule::merge_list;
  std::optional<TokenId> unk;
  /// A character without a token becomes its bytes, spelled "<0x41>" in the vocabulary.
  bool byte_fallback = false;
  /// With byte_fallback: bytes without a token are left out; else the character is unknown unless all its bytes have one.
  bool partial_bytes = false;
  /// Unknown characters in a row become one token. (By scores they always do.)
  bool fuse_unk = false;
  /// A whole piece that is a token is that token, whatever the merges say; newline_runs: only a piece of nothing but "\n".
  bool ignore_merges = false;
  bool newline_runs = false;
  std::string continuing_subword_prefix = {};
  std::string end_of_word_suffix = {};
  /// By scores: one for each id.
  std::vector<float> scores = {};
  /// By scores: what each id is for, as SentencePiece has it; empty: all are normal. Then user-defined ones are never merged
  /// nor split, unused ones are split again, and control, unknown and byte pieces do not come from merges.
  std::vector<PieceKind> kinds = {};
  /// Ids that the vocabulary holds beside the model (added tokens), which text does not give; empty: none.
  std::vector<bool> absent = {};
};

/// The tables of a model. Immutable once built, so threads may share one.
class CharacterBpe {
 public:
  /// `tokens` must outlive the model. Of a pair that is listed twice the last merge counts. Throws Error naming `source` for a
  /// merge that makes no token, two tokens that are spelled alike, scores or kinds that are not one for each token.
  CharacterBpe(const TokenStrings& tokens, std::span<const MergePair> merges, CharacterBpeOptions options,
               std::string_view source);

  /// Returns whether any token has the two characters next to each other; if not, no merge joins text there.
  bool joins(char32_t before, char32_t after) const {
    return characters_.joins(characters_.of(before).index, characters_.of(after).index);
  }
  /// Returns whether the ids of a text are those of its parts, cut where joins() says no. (But unknown characters in a row are
  /// one token only if they are in one piece.)
  bool can_cut() const { return can_cut_ && !lets_vanish_; }

 private:
  friend class CharacterBpeEncoder;
  static constexpr TokenId kNoSymbol = CharacterTable::kNoSymbol;
  void check_options(std::string_view source) const;
  void index_tokens(std::string_view source);
  void index_merges(std::span<const MergePair> merges, std::string_view source);
  void index_scores();
  void add_split(MergePair pair, TokenId result);
  TokenId symbol_of(std::string_view part) const;
  bool is_absent(TokenId token) const { return !options_.absent.empty() && options_.absent[token]; }
  bool comes_from_merges(TokenId token) const;
  PieceKind kind_of(TokenId token) const { return options_.kinds.empty() ? PieceKind::normal : options_.kinds[token]; }

  const TokenStrings& tokens_;
  CharacterBpeOptions options_;
  TokenIndex index_;
  std::size_t longest_ = 0;  // bytes of a token
  CharacterTable characters_;
  PairTable pairs_;
  ByteTokens byte_tokens_;
  PrefixTrie user_defined_;
  bool has_user_defined_ = false;
  bool can_cut_ = true;
  bool lets_vanish_ = false;       // an unknown character may leave nothing, and its neighbours merge then
  std::vector<MergePair> splits_;  // by scores: by id, of unused tokens, each of which has one (else nothing can be cut)
};

/// Applies a model to pieces of text. O(n log n) in the bytes of a piece, without recursion. Each thread needs its own.
class CharacterBpeEncoder {
 public:
  explicit CharacterBpeEncoder(const CharacterBpe& model) : model_(model) {}

  /// Appends the ids of `piece`. A part of it that is not UTF-8 is one unknown character.
  void encode(std::string_view piece, std::vector<TokenId>& ids);
  /// Returns how many bytes have left nothing, for want of a token.
  std::uint64_t lost() const { return lost_; }

 private:
  struct Symbol {
    TokenId id;
    std::uint32_t begin;           // of its bytes in the stretch
    std::uint32_t previous, next;  // places; kNowhere at the ends
    std::uint32_t rank;            // of the merge with the next symbol: what makes a heap entry current
  };
  static constexpr std::uint32_t kNowhere = 0xFFFFFFFF;
  static constexpr std::size_t kShort = 32;  // up to here scanning an array for the lowest rank beats a heap

  std::string_view without_vanishing(std::string_view piece);
  void encode_cut(std::string_view piece, std::vector<TokenId>& ids);
  void encode_word(std::string_view word, std::vector<TokenId>& ids);
  void encode_whole(std::string_view piece, std::vector<TokenId>& ids);
  void list_symbols(std::string_view piece, std::vector<TokenId>& ids);
  TokenId listed_symbol(std::string_view character, bool first, bool last);
  void add_scored(std::string_view piece);
  void add_symbol(TokenId id, std::size_t begin);
  void merge(std::string_view stretch, std::vector<TokenId>& ids);
  void merge_short();
  void merge_long();
  void push(std::uint32_t place);
  void output(TokenId symbol, std::string_view bytes, std::vector<TokenId>& ids);
  void split_unused(TokenId token, std::string_view bytes, std::vector<TokenId>& ids);
  void unknown(std::string_view bytes, std::vector<TokenId>& ids);
  bool has_bytes(std::string_view bytes) const;
  bool add_bytes(std::string_view bytes, std::vector<TokenId>& ids) const;
  void end_unknown(std::vector<TokenId>& ids);
  std::size_t user_defined_length(std::string_view text, TokenId& token) const;
  bool by_scores() const { return model_.options_.rule == CharacterBpeOptions::Rule::scores; }

  const CharacterBpe& model_;
  PieceCache cache_;
  std::uint64_t lost_ = 0;
  bool pending_unk_ = false;   // merge_list: an unknown token is yet to be added
  bool previous_unk_ = false;  // scores: what came before is unknown
  bool met_unknown_ = false;
  std::vector<Symbol> symbols_;
  std::vector<std::uint64_t> heap_;
  std::vector<TokenId> listed_;    // scratch of encode_whole()
  std::string kept_;               // scratch of without_vanishing()
  std::string composed_;           // a character with its prefix and suffix
  std::vector<MergePair> splits_;  // by id, of what has merged into unused tokens, unless the model knows it beforehand
};

}  // namespace lm
