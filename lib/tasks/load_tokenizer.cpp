#include "tasks/load_tokenizer.h"

#include "base/error.h"
#include "base/file_use.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/path.h"
#include "model/files/safetensors.h"

namespace lm {

namespace {

/// Returns `token 3 ("<|im_end|>")`.
std::string describe_token(const Tokenizer& tokenizer, TokenId id) {
  const std::string number = "token " + std::to_string(id);
  if (id >= tokenizer.vocab_size() || tokenizer.bytes_of(id).empty()) return number;
  return number + " (" + json_quote(tokenizer.bytes_of(id).substr(0, 100)) + ")";
}

}  // namespace

void require_same_tokenizer(const Tokenizer& tokenizer, const TokenFileInfo& info, std::string_view source) {
  const bool same_end = info.end_of_text == tokenizer.end_of_text();
  const bool same_size = info.vocab_size == tokenizer.vocab_size();
  const std::string made = to_hex(info.fingerprint).substr(0, 8), wanted = to_hex(tokenizer.fingerprint()).substr(0, 8);
  const std::string its_end = describe_token(tokenizer, info.end_of_text),
                    our_end = describe_token(tokenizer, tokenizer.end_of_text());
  std::string why;
  if (info.fingerprint == tokenizer.fingerprint()) {
    if (same_end && same_size) return;
    why = same_size ? "its documents end with " + its_end + ", expected " + our_end +
                          "; name it with --end-of-text, or re-run tok-encode"
                    : "its vocabulary is " + std::to_string(info.vocab_size) + ", that of the same tokenizer " + made +
                          " is " + std::to_string(tokenizer.vocab_size()) + "; it is damaged; re-run tok-encode";
  } else if (same_size && !same_end) {
    // Naming an ordinary token makes it special, which the fingerprint shows.
    why = "made with tokenizer " + made + " and documents that end with " + its_end + ", expected " + wanted + " and " +
          our_end + "; name it with --end-of-text if that is all that differs, else re-run tok-encode";
  } else {
    why = "made with tokenizer " + made + ", expected " + wanted +
          "; re-run tok-encode, or give the tokenizer that it was made with";
  }
  throw Error("cannot use '" + std::string(source) + "': " + why);
}

SpecialIds special_ids(const Tokenizer& tokenizer) {
  SpecialIds ids{.mask = tokenizer.id_of("<|mask|>"),
                 .fim_prefix = tokenizer.id_of("<|fim_prefix|>"),
                 .fim_suffix = tokenizer.id_of("<|fim_suffix|>"),
                 .fim_middle = tokenizer.id_of("<|fim_middle|>"),
                 .sentinels = {}};
  for (;;) {
    const auto sentinel = tokenizer.id_of("<|extra_" + std::to_string(ids.sentinels.size()) + "|>");
    if (!sentinel) return ids;
    ids.sentinels.push_back(*sentinel);
  }
}

Tokenizer load_tokenizer(const std::string& path, const TokenizerOptions& options) {
  const FileKind kind = kind_of_path(path);
  require_kind(FileUse::tokenizer, kind, input_name(path));
  if (kind != FileKind::model) return Tokenizer::load(path, options);
  const SafetensorsFile file = SafetensorsFile::open(path);
  const std::string* json = file.metadata("lm.tokenizer");
  if (json == nullptr) throw Error("no tokenizer inside '" + path + "'; name a tokenizer.json");
  return Tokenizer::from_json(*json, path, options);
}

}  // namespace lm
