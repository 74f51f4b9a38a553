// Encoding a stretch of text of which more may come: what is certain now, and what has to wait.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "text/pattern/pre_tokenizer.h"
#include "text/pattern/pretoken_spans.h"
#include "text/pattern/word_cuts.h"
#include "text/piece_encoder.h"
#include "text/spelled_model.h"
#include "text/tokenizer.h"
#include "text/vocabulary/piece_batch.h"
#include "text/vocabulary/piece_table.h"

namespace lm {

/// Encodes the documents of one thread. Text goes through the stages of Hugging Face's library: added tokens are found, what
/// is between them (a section) is normalized, added tokens are found in that, the rest is cut into pretokens, and the model
/// encodes each.
class SegmentEncoder {
 public:
  SegmentEncoder(const TokenizerTables& tables, SpecialTokens special, PieceEncoder::Cache cache,
                 SimdTier tier = best_simd_tier());
  SegmentEncoder(const SegmentEncoder&) = delete;
  SegmentEncoder& operator=(const SegmentEncoder&) = delete;

  enum class End { open, final };
  /// Appends the ids of the beginning of `text` that is certain whatever follows, and returns its length; with End::final
  /// all of it. `offset` of text in its document; at 0 a document begins. Throws Error for a special token under
  /// SpecialTokens::error.
  std::size_t encode(std::string_view text, End end, std::uint64_t offset, std::vector<TokenId>& ids);

  /// Returns the end of the longest beginning of `text`, part of a document, that can be encoded as a document of its own and so can what
  /// follows; 0 if there is none.
  std::size_t cut(std::string_view text) const;
  /// Returns whether each encode() can be another encoder's, also of parts of one document.
  bool is_stateless() const { return tables_.parts.form == TokenizerParts::Form::bytes && tables_.added.is_simple(); }

  /// Returns how many bytes had no token, and left nothing or (of the form bytes) the unknown token.
  std::uint64_t unknown_bytes() const { return pieces_.unknown() + model_.lost(); }

 private:
  // Where a section is.
  struct Edges {
    bool first;   // it begins the document
    bool begins;  // its beginning is in this stretch, and its end
    bool ends;
  };
  std::size_t encode_simple(std::string_view text, End end, std::uint64_t offset, std::vector<TokenId>& ids);
  void encode_stretch(std::string_view text, End end, std::uint64_t offset, std::vector<TokenId>& ids);
  void encode_section(std::string_view text, Edges edges, std::vector<TokenId>& ids);
  void encode_part(std::string_view text, Edges edges, std::vector<TokenId>& ids);
  // By words (segment_words.cpp).
  void encode_words(std::string_view text, Edges edges, std::vector<TokenId>& ids);
  void encode_inner_words(std::string_view text, const std::uint32_t* starts, std::size_t count, std::vector<TokenId>& ids);
  bool find_words(std::string_view text, const std::uint32_t* starts, std::size_t count, std::vector<TokenId>& ids);
  void encode_new_word(const PieceBatch::Gap& word, std::vector<TokenId>& ids);
  bool skip_sums(std::span<const TokenId> ids);
  void encode_normalized(std::string_view text, bool is_first, std::vector<TokenId>& ids);
  void encode_pretokens(std::string_view text, bool is_first, std::vector<TokenId>& ids);
  std::size_t encode_plain(std::string_view text, End end, std::vector<TokenId>& ids);
  std::size_t encode_window(std::string_view text, End end, std::vector<TokenId>& ids);
  std::size_t encode_unsplit(std::string_view text, End end, std::vector<TokenId>& ids);
  std::size_t last_cut(std::string_view text) const;
  std::size_t last_symbol(std::string_view text) const;
  bool is_spelled_by_added(std::string_view characters) const;
  void refuse_special(std::string_view spelling, std::uint64_t place) const;

  const TokenizerTables& tables_;
  SpecialTokens special_;
  PieceEncoder pieces_;
  PretokenSpans spans_;
  SpelledModel::Encoder model_;
  UnigramEncoder* sums_ = nullptr;  // of the model, if its sums go on from word to word
  WordSpans word_spans_;
  PieceTable words_;
  PieceBatch word_batch_;
  std::string normalized_;
  Pieces cut_;
  bool section_begins_ = true;  // the next stretch begins a section
};

}  // namespace lm
