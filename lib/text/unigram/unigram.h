// Unigram language models over pieces: the likeliest way to cut text, as Hugging Face, SentencePiece and llama.cpp find it.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/token.h"
#include "text/vocabulary/byte_tokens.h"
#include "text/vocabulary/piece_cache.h"
#include "text/vocabulary/piece_kind.h"
#include "text/vocabulary/prefix_trie.h"
#include "text/vocabulary/token_strings.h"

namespace lm {

struct UnigramOptions {
  /// Whose sums: Hugging Face's in double over each piece; SentencePiece's in float over the whole text; llama.cpp's in double.
  /// They also treat unknown characters and user-defined and unused pieces as their originals do.
  enum class Flavor { hugging_face, sentencepiece, llama };
  Flavor flavor = Flavor::hugging_face;
  std::optional<TokenId> unk;
  /// An unknown character becomes its bytes, spelled "<0x41>" in the vocabulary. (llama.cpp does not know it.)
  bool byte_fallback = false;
  /// What each id is for; empty: all are normal. Not for hugging_face.
  std::vector<PieceKind> kinds = {};
  /// Ids that the vocabulary holds beside the model (added tokens), which text does not give; empty: none.
  std::vector<bool> absent = {};
};

/// The tables of a model. Immutable once built, so threads may share one.
class Unigram {
 public:
  /// `tokens` must outlive the model; `scores` has one for each. Throws Error naming `source` for scores that are not finite
  /// numbers, for other numbers of scores or kinds than of tokens, and for more than 8 million tokens.
  Unigram(const TokenStrings& tokens, std::vector<double> scores, UnigramOptions options, std::string_view source);

  /// Returns whether the ids of a text are those that encode_part() gives of its parts, cut before a `space` behind what is no
  /// space.
  bool parts_at(std::string_view space) const;

 private:
  friend class UnigramEncoder;
  void index_tokens();
  void set_unknown_score();
  bool is_absent(TokenId id) const { return !options_.absent.empty() && options_.absent[id]; }
  PieceKind kind_of(TokenId id) const { return options_.kinds.empty() ? PieceKind::normal : options_.kinds[id]; }

  const TokenStrings& tokens_;
  std::vector<double> scores_;  // that count, with the bonus of user-defined pieces
  std::vector<float> float_scores_;
  UnigramOptions options_;
  double unknown_score_ = 0;
  float unknown_float_ = 0;
  PrefixTrie trie_;
  std::size_t longest_ = 0;  // bytes of a token
  ByteTokens byte_tokens_;
};

/// Applies a model to pieces of text, in time linear in their bytes (for a given longest token). Each thread needs its own.
class UnigramEncoder {
 public:
  explicit UnigramEncoder(const Unigram& model, PieceCache::Use use = PieceCache::Use::if_worthwhile)
      : model_(model), cache_(use) {}

  /// Appends the ids of `piece`. A part of it that is not UTF-8 is one unknown character. Throws Error for an unknown character
  /// if the model has no unknown token.
  void encode(std::string_view piece, std::vector<TokenId>& ids);

  /// Begins a text that comes in parts.
  void begin_text();
  /// Appends the ids of the next part. Sums go on from part to part, as SentencePiece's do.
  void encode_part(std::string_view part, std::vector<TokenId>& ids);
  /// Returns whether a part has the same ids whatever comes before it, as long as skip() takes them.
  bool is_decided(std::string_view part);
  /// Takes the ids of parts, of which is_decided() is true, as encode_part() would have found them. Returns false, and then the text cannot go on, if
  /// sums may have become so large that they would decide.
  bool skip(const TokenId* begin, const TokenId* end);
  /// What goes on from part to part.
  struct Place {
    double score = 0;
    bool previous_unk = false;
  };
  Place place() const { return {part_score_, previous_unk_}; }
  void go_to(Place place);

 private:
  // SentencePiece subtracts what a path has come to once it is larger, so that floats keep their precision.
  static constexpr float kResetThreshold = 100000.0F;
  static constexpr std::uint32_t kUnreached = 0xFFFFFFFF;
  template <class Score>
  struct Node {
    Score score = 0;                   // of the best path that ends here
    std::uint32_t start = kUnreached;  // of its last piece
    TokenId id = 0;
  };
  struct Found {
    std::size_t begin, end;
    TokenId id;
  };
  template <class Score>
  Score search(std::string_view piece, std::vector<Node<Score>>& nodes, Score score, std::vector<TokenId>& ids);
  template <class Score>
  void extend(std::string_view piece, std::size_t at, std::vector<Node<Score>>& nodes);
  template <class Score>
  void commit(std::string_view piece, std::size_t end, std::vector<Node<Score>>& nodes, std::vector<TokenId>& ids);
  void output(std::string_view piece, const Found& found, std::vector<TokenId>& ids);
  void end_unknown(std::string_view piece, std::vector<TokenId>& ids);
  bool add_bytes(std::string_view bytes, std::vector<TokenId>& ids) const;
  TokenId unk() const;

  const Unigram& model_;
  PieceCache cache_;
  std::vector<Node<double>> double_nodes_;
  std::vector<Node<float>> float_nodes_;
  std::vector<Found> found_;                 // scratch of commit()
  std::size_t base_ = 0;                     // where in the piece nodes[0] is
  std::size_t frontier_ = 0;                 // the farthest place that a path has reached
  std::optional<std::size_t> unknown_from_;  // where a run of unknown characters begins that is yet to be added
  std::size_t unknown_to_ = 0;
  bool previous_unk_ = false;
  double part_score_ = 0;  // of the text so far, where it comes in parts
};

}  // namespace lm
