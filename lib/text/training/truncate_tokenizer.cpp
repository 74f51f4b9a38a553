#include "text/training/truncate_tokenizer.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "text/post_processor.h"
#include "text/vocabulary/token_strings.h"

namespace lm {

namespace {

class Truncation {
 public:
  Truncation(const TokenizerParts& parts, std::int64_t size, std::string_view source)
      : parts_(parts), size_(size), source_(source), kept_(parts.tokens.size()) {}

  TokenizerParts run() {
    if (parts_.form != TokenizerParts::Form::bytes || parts_.kind != ModelKind::bpe)
      refuse("it is no byte-level BPE, whose tokens come one after another");
    keep_first_tokens();
    if (parts_.by_rank) {
      keep_lowest_ranks();
    } else {
      keep_first_merges();
    }
    return renumbered();
  }

 private:
  [[noreturn]] void refuse(const std::string& why) const {
    throw Error("cannot truncate '" + std::string(source_) + "' to " + std::to_string(size_) + " tokens: " + why);
  }
  void keep(TokenId id) {
    if (kept_[id]) return;
    kept_[id] = true;
    ++count_;
  }
  void keep_first_tokens();
  void keep_lowest_ranks();
  void keep_first_merges();
  TokenizerParts renumbered() const;
  void check_ids(const std::vector<TokenId>& new_ids) const;

  const TokenizerParts& parts_;
  std::int64_t size_;
  std::string_view source_;
  std::vector<bool> kept_;  // by id
  std::int64_t count_ = 0;
  std::vector<MergePair> merges_;
};

void Truncation::keep_first_tokens() {
  for (const AddedToken& token : parts_.added) keep(token.id);
  for (TokenId id = 0; id < parts_.tokens.size(); ++id) {
    if (parts_.tokens[id].size() == 1) keep(id);
  }
  if (count_ > size_) refuse("its bytes and special tokens are " + std::to_string(count_) + " already");
  std::int64_t used = 0;
  for (TokenId id = 0; id < parts_.tokens.size(); ++id) used += parts_.tokens[id].empty() ? 0 : 1;
  if (used < size_) refuse("it has " + std::to_string(used) + " only");
}

void Truncation::keep_lowest_ranks() {
  for (TokenId id = 0; id < parts_.tokens.size() && count_ < size_; ++id) {
    if (!parts_.tokens[id].empty()) keep(id);
  }
}

void Truncation::keep_first_merges() {
  TokenIndex ids;
  ids.reset(parts_.tokens, parts_.tokens.size());
  for (TokenId id = 0; id < parts_.tokens.size(); ++id) ids.insert(id);
  const std::vector<bool> added = added_ids(parts_.added, parts_.tokens.size());
  std::vector<TokenId> made;  // by merge, as far as merges are used
  for (const auto& [left, right] : parts_.merges) {
    const std::optional<TokenId> found = ids.find(std::string(parts_.tokens[left]).append(parts_.tokens[right]));
    if (!found) refuse("it has merges that make no token");
    const TokenId id = *found;
    if (count_ == size_ && (!kept_[id] || added[id])) break;
    // Some lists have every way in which a token can be made, others the one in which it was.
    if (kept_[left] && kept_[right]) keep(id);
    made.push_back(id);
  }
  if (count_ < size_) refuse("it has tokens that no merge makes, of which none comes before another");
  for (std::size_t i = 0; i < made.size(); ++i) {
    const MergePair& merge = parts_.merges[i];
    if (kept_[merge.left] && kept_[merge.right] && kept_[made[i]]) merges_.push_back(merge);
  }
}

/// Throws Error if tokens are named by ids that change where this does not reach.
void Truncation::check_ids(const std::vector<TokenId>& new_ids) const {
  bool changes = false;
  for (const AddedToken& token : parts_.added) changes = changes || new_ids[token.id] != token.id;
  if (!changes) return;
  const JsonValue& post_processor = parts_.components.post_processor;
  const bool names_ids = !post_processor.is_null() && [&] {
    const TokensAround around = read_post_processor(post_processor, source_);
    return !around.before.empty() || !around.after.empty();
  }();
  if (names_ids || !parts_.components.padding.is_null())
    refuse(
        "its special tokens come after the others, so that their ids would change, and its post-processor or padding names "
        "them");
}

TokenizerParts Truncation::renumbered() const {
  std::vector<TokenId> new_ids(kept_.size());
  TokenizerParts result = parts_;
  result.tokens = {};
  result.scores.clear();
  result.kinds.clear();
  for (TokenId id = 0; id < kept_.size(); ++id) {
    if (!kept_[id]) continue;
    new_ids[id] = result.tokens.size();
    result.tokens.push_back(parts_.tokens[id]);
    if (id < parts_.scores.size()) result.scores.push_back(parts_.scores[id]);
    if (id < parts_.kinds.size()) result.kinds.push_back(parts_.kinds[id]);
  }
  check_ids(new_ids);
  for (AddedToken& token : result.added) token.id = new_ids[token.id];
  result.merges = merges_;
  for (MergePair& merge : result.merges) merge = {new_ids[merge.left], new_ids[merge.right]};
  if (result.unknown) result.unknown = kept_[*result.unknown] ? std::optional(new_ids[*result.unknown]) : std::nullopt;
  return result;
}

}  // namespace

TokenizerParts truncate_tokenizer(const TokenizerParts& parts, std::int64_t size, std::string_view source) {
  return Truncation(parts, size, source).run();
}

}  // namespace lm
