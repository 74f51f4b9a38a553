// The model of a tokenizer whose tokens are spelled (everything but byte-level BPE): one of four kinds behind one face.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <variant>
#include <vector>

#include "base/token.h"
#include "text/bpe/character_bpe.h"
#include "text/tokenizer_parts.h"
#include "text/unigram/unigram.h"
#include "text/wordpiece/wordpiece.h"

namespace lm {

/// Tables that are built once; threads may share them. The parts that it is made of outlive it and stay in place.
class SpelledModel {
 public:
  SpelledModel() = default;  // of the form bytes: nothing
  /// `absent`: by id, tokens that text does not give (special ones). Throws Error naming `source`.
  SpelledModel(const TokenizerParts& parts, const std::vector<bool>& absent, std::string_view source);

  /// Returns whether the ids of a text can differ from those of its two parts, if it is cut between `before` and a space.
  bool joins_space(char32_t before) const;
  /// Returns whether it is a unigram model whose encode_part() may have the parts of a text cut between what is no space and `space`.
  bool sums_apart_at(std::string_view space) const;

  /// Applies the model to pieces of text. Each thread needs its own.
  class Encoder {
   public:
    /// `use`: of words that come again, by models whose pieces are words.
    Encoder(const SpelledModel& model, PieceCache::Use use);
    /// Appends the ids of `piece`, which is not empty.
    void encode(std::string_view piece, std::vector<TokenId>& ids);
    /// Returns the encoder of a unigram model; null if it is none.
    UnigramEncoder* unigram() { return std::get_if<UnigramEncoder>(&encoder_); }
    /// Returns how many bytes have left nothing, for want of a token.
    std::uint64_t lost() const;

   private:
    struct WordLevelEncoder {
      const WordLevel& model;
      void encode(std::string_view piece, std::vector<TokenId>& ids) const { model.encode(piece, ids); }
    };
    std::variant<std::monostate, CharacterBpeEncoder, UnigramEncoder, WordPieceEncoder, WordLevelEncoder> encoder_;
  };

 private:
  template <class T>
  using Table = std::unique_ptr<const T>;
  std::variant<std::monostate, Table<CharacterBpe>, Table<Unigram>, Table<WordPiece>, Table<WordLevel>> model_;
};

}  // namespace lm
