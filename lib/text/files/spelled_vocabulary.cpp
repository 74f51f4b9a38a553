#include "text/files/spelled_vocabulary.h"

#include <algorithm>

#include "base/error.h"
#include "base/json.h"
#include "text/vocabulary/byte_level.h"

namespace lm {

namespace {
constexpr std::int64_t kLargestId = (std::int64_t{1} << 31) - 1;
constexpr std::uint64_t kMostUnusedIds = 65536;  // so that a small file cannot ask for much memory
constexpr std::uint32_t kNowhere = 0xFFFFFFFF;
std::string quoted(std::string_view text) { return json_quote(text.substr(0, 100)); }
}  // namespace

SpelledVocabulary::SpelledVocabulary(std::string_view source, std::uint64_t file_size) : source_(source) {
  if (file_size >= UINT32_MAX) refuse("it has 4 GiB or more");
  // An entry takes six bytes at least: "a":0,
  spellings_.reserve(file_size, file_size / 6);
  ids_.reserve(file_size / 6);
}

void SpelledVocabulary::refuse(const std::string& why) const { throw Error("invalid tokenizer '" + source_ + "': " + why); }

TokenId SpelledVocabulary::checked_id(std::int64_t id) const {
  if (id < 0 || id > kLargestId) refuse("the token id " + std::to_string(id) + " is out of range");
  return static_cast<TokenId>(id);
}

void SpelledVocabulary::add(std::string_view spelling, std::int64_t id) {
  ids_.push_back(checked_id(id));
  spellings_.push_back(spelling);
}

void SpelledVocabulary::add_literal(std::string_view content, std::int64_t id, AddedToken flags) {
  if (content.empty()) refuse("the added token " + std::to_string(id) + " is empty");
  flags.id = checked_id(id);
  literals_.push_back(flags);
  contents_.push_back(content);
}

void SpelledVocabulary::index() {
  by_spelling_.reset(spellings_, spellings_.size());
  for (std::uint32_t place = 0; place < spellings_.size(); ++place) {
    if (spellings_[place].empty()) continue;
    if (!by_spelling_.insert(place)) refuse("the token " + quoted(spellings_[place]) + " appears twice in the vocabulary");
  }
  indexed_ = true;
}

std::optional<TokenId> SpelledVocabulary::find(std::string_view spelling) const {
  const std::optional<std::uint32_t> place = by_spelling_.find(spelling);
  return place ? std::optional(ids_[*place]) : std::nullopt;
}

bool SpelledVocabulary::is_byte_level() const {
  TokenIndex literals;
  literals.reset(contents_, contents_.size());
  for (std::uint32_t i = 0; i < contents_.size(); ++i) literals.insert(i);
  std::string bytes;
  for (std::uint32_t place = 0; place < spellings_.size(); ++place) {
    bytes.clear();
    if (!append_from_byte_level(spellings_[place], bytes) && !literals.find(spellings_[place])) return false;
  }
  return true;
}

MergePair SpelledVocabulary::merge_of(std::string_view left, std::string_view right, std::size_t number) const {
  const std::optional<std::uint32_t> left_place = by_spelling_.find(left), right_place = by_spelling_.find(right);
  if (left_place && right_place) return {ids_[*left_place], ids_[*right_place]};
  refuse("merge " + std::to_string(number) + " joins " + quoted(left_place ? right : left) +
         ", which is not in the vocabulary");
}

MergePair SpelledVocabulary::merge_of(std::string_view line, std::size_t number) const {
  const std::size_t space = line.find(' ');
  if (space == std::string_view::npos || line.find(' ', space + 1) != std::string_view::npos) {
    refuse("merge " + std::to_string(number) + " is not two tokens with a space between them");
  }
  return merge_of(line.substr(0, space), line.substr(space + 1), number);
}

std::uint32_t SpelledVocabulary::id_count() const {
  TokenId largest = 0;
  for (const TokenId id : ids_) largest = std::max(largest, id);
  for (const AddedToken& literal : literals_) largest = std::max(largest, literal.id);
  const std::uint64_t count = std::uint64_t{largest} + 1;
  if (count > ids_.size() + literals_.size() + kMostUnusedIds) {
    refuse("its largest id is " + std::to_string(largest) + ", but it has only " +
           std::to_string(ids_.size() + literals_.size()) + " tokens");
  }
  return static_cast<std::uint32_t>(count);
}

void SpelledVocabulary::check_literals(const std::vector<std::uint32_t>& place_of) const {
  TokenIndex by_content;
  by_content.reset(contents_, contents_.size());
  std::vector<bool> seen(place_of.size());
  for (std::uint32_t i = 0; i < literals_.size(); ++i) {
    const TokenId id = literals_[i].id;
    if (!by_content.insert(i)) refuse("the added token " + quoted(contents_[i]) + " appears twice");
    if (seen[id]) refuse("two added tokens have the id " + std::to_string(id));
    seen[id] = true;
    const std::optional<std::uint32_t> place = by_spelling_.find(contents_[i]);
    const bool id_is_taken = place_of[id] != kNowhere && place != place_of[id];
    if (id_is_taken || (place && ids_[*place] != id)) {
      refuse("the added token " + quoted(contents_[i]) + " has another id in the vocabulary");
    }
  }
}

void SpelledVocabulary::move_to(TokenizerParts& parts) {
  const std::uint32_t count = id_count();
  std::vector<std::uint32_t> place_of(count, kNowhere), literal_of(count, kNowhere);
  for (std::uint32_t place = 0; place < ids_.size(); ++place) {
    if (place_of[ids_[place]] != kNowhere)
      refuse("the id " + std::to_string(ids_[place]) + " appears twice in the vocabulary");
    place_of[ids_[place]] = place;
  }
  check_literals(place_of);
  for (std::uint32_t i = 0; i < literals_.size(); ++i) literal_of[literals_[i].id] = i;
  std::string bytes;
  for (TokenId id = 0; id < count; ++id) {
    bytes.clear();
    if (literal_of[id] != kNowhere) {
      bytes = contents_[literal_of[id]];
      parts.added.push_back(literals_[literal_of[id]]);
      // A name that is not spelled in ByteLevel characters never comes from bytes, whether the vocabulary has it or not.
      std::string spelled;
      const bool by_bytes = parts.form == TokenizerParts::Form::bytes;
      parts.added.back().in_model = place_of[id] != kNowhere && (!by_bytes || append_from_byte_level(bytes, spelled));
      if (by_bytes && parts.added.back().in_model && spelled != bytes && (parts.ignore_merges || spelled.size() == 1)) {
        refuse("the added token " + quoted(bytes) + " has the id " + std::to_string(id) + " of the token of " +
               quoted(spelled) + ", and only one of these can be encoded; remove it from added_tokens");
      }
    } else if (place_of[id] != kNowhere && parts.form == TokenizerParts::Form::spelled) {
      bytes = spellings_[place_of[id]];
    } else if (place_of[id] != kNowhere && !append_from_byte_level(spellings_[place_of[id]], bytes)) {
      refuse("the token " + quoted(spellings_[place_of[id]]) + " is not spelled in ByteLevel characters");
    }
    parts.tokens.push_back(bytes);
  }
}

}  // namespace lm
