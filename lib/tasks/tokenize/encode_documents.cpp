#include "tasks/tokenize/encode_documents.h"

#include <algorithm>
#include <optional>

#include "base/number_text.h"

namespace lm {

std::uint64_t encode_documents(const std::vector<std::string>& paths, const DocumentKind& kind, const Tokenizer& tokenizer,
                               SpecialTokens special, const EncodedDocuments& sink) {
  StreamEncoder encoder(tokenizer, special);
  std::vector<TokenId> ids;
  bool begun = false;
  std::uint64_t unknown = 0;
  const std::optional<TokenId> unknown_token = tokenizer.unknown_token();
  const auto begin = [&] {
    if (!begun && !tokenizer.begin_tokens().empty() && sink.begin) sink.begin();
    begun = true;
  };
  const auto hand_on = [&] {
    if (unknown_token) unknown += static_cast<std::uint64_t>(std::count(ids.begin(), ids.end(), *unknown_token));
    if (!ids.empty()) sink.tokens(ids);
    ids.clear();
  };
  const auto encode = [&](std::string_view piece) {
    begin();
    sink.text(piece);
    encoder.feed(piece, ids);
    hand_on();
  };
  const auto end = [&] {
    begin();
    encoder.finish(ids);
    hand_on();
    sink.end();
    begun = false;
  };
  split_documents(paths, kind, {.text = encode, .end = end});
  return unknown + (unknown_token ? 0 : encoder.unknown_bytes());
}

void TokenStatistics::add_tokens(std::span<const TokenId> tokens) {
  tokens_ += static_cast<std::int64_t>(tokens.size());
  for (const TokenId id : tokens) used_[id] = true;
}

std::string TokenStatistics::to_text() const {
  const auto different = std::count(used_.begin(), used_.end(), true);
  const double ratio = tokens_ == 0 ? 0 : static_cast<double>(bytes_) / static_cast<double>(tokens_);
  return "documents " + std::to_string(documents_) + "\nbytes " + std::to_string(bytes_) + "\ntokens " +
         std::to_string(tokens_) + "\nbytes_per_token " + fixed_text(ratio, 4) + "\ndifferent_tokens " +
         std::to_string(different) + "\n";
}

}  // namespace lm
