// The small members of a tokenizer.json's "model": what kind it is and how it is applied. (The large ones are its vocabulary and
// merges.)
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"
#include "text/tokenizer_parts.h"

namespace lm {

/// Takes them one by one; what can be decided only when all have come is asked for afterwards. Throws Error naming `source`.
class ModelMembers {
 public:
  explicit ModelMembers(std::string_view source) : source_(source) {}
  /// Takes a member, into `parts` if it is known there; members that are not known are ignored, as Hugging Face's library does.
  void take(const std::string& name, const JsonValue& value, TokenizerParts& parts);

  /// Returns the kind; files of early versions of the library do not state it, but have merges.
  ModelKind kind(bool has_merges) const;
  using FindSpelling = std::function<std::optional<TokenId>(std::string_view spelling)>;
  /// Returns the token of unknown text, which some models name and others number.
  std::optional<TokenId> unknown(const TokenizerParts& parts, const FindSpelling& find) const;
  /// Returns what this toolkit adds for tokenizers that the library's format cannot hold (exact_form.h); null if it is not there.
  const JsonValue& exact_form() const { return exact_; }
  /// Returns the post-processor instead of which the file has one for another library (null: none); empty if it has its own.
  const std::optional<JsonValue>& post_processor() const { return post_processor_; }

 private:
  [[noreturn]] void refuse(const std::string& why) const;
  bool boolean(const std::string& name, const JsonValue& value) const;
  std::string string(const std::string& name, const JsonValue& value) const;
  bool take_own(const std::string& name, const JsonValue& value, TokenizerParts& parts);

  std::string source_;
  std::optional<ModelKind> kind_;
  std::string unknown_;                     // its spelling, of models that name it
  std::optional<std::int64_t> unknown_id_;  // of a unigram model
  JsonValue exact_;
  std::optional<JsonValue> post_processor_;
};

}  // namespace lm
