// A vocabulary as files spell it (ByteLevel characters and ids in any order), gathered and checked, then put in id order.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "text/tokenizer_parts.h"

namespace lm {

class SpelledVocabulary {
 public:
  /// `file_size` bounds what there can be, and so the memory. Throws Error for a file of 4 GiB.
  SpelledVocabulary(std::string_view source, std::uint64_t file_size);

  /// Adds an entry of the file's vocabulary; an empty spelling is that of an id that is not used. Throws Error for an id out of
  /// range.
  void add(std::string_view spelling, std::int64_t id);
  /// Adds an added token, whose content is literal text. Throws Error for an empty one or an id out of range.
  void add_literal(std::string_view content, std::int64_t id, AddedToken flags);
  /// Indexes the entries, after the last add(): merge_of() needs it. Throws Error for a spelling that appears twice.
  void index();
  bool is_indexed() const { return indexed_; }
  /// Returns the merge that joins two spellings. Throws Error if one is not in the vocabulary; `number` is the merge's, for
  /// messages.
  MergePair merge_of(std::string_view left, std::string_view right, std::size_t number) const;
  /// Returns the merge written "left right".
  MergePair merge_of(std::string_view line, std::size_t number) const;
  /// Returns the id of a spelling, if it has one. Added tokens that are not in the vocabulary are left out.
  std::optional<TokenId> find(std::string_view spelling) const;
  /// Returns whether all tokens except added ones are spelled in ByteLevel characters.
  bool is_byte_level() const;
  /// Fills parts.tokens, in the form that parts.form says, and parts.added. Throws Error for ids that appear twice or leave
  /// too many unused, spellings that are not ByteLevel if bytes are wanted, added tokens that contradict the vocabulary.
  void move_to(TokenizerParts& parts);

 private:
  void check_literals(const std::vector<std::uint32_t>& place_of) const;
  TokenId checked_id(std::int64_t id) const;
  std::uint32_t id_count() const;
  [[noreturn]] void refuse(const std::string& why) const;

  std::string source_;
  TokenStrings spellings_;
  std::vector<TokenId> ids_;
  TokenStrings contents_;  // of the added tokens
  std::vector<AddedToken> literals_;
  TokenIndex by_spelling_;  // gives places in spellings_
  bool indexed_ = false;
};

}  // namespace lm
