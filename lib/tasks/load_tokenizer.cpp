#include "tasks/load_tokenizer.h"

#include <algorithm>

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

/// Refuses a stream with begin tokens where none are wanted, and one without where they are named.
void require_same_begin(const Tokenizer& tokenizer, const TokenFileInfo& info, std::string_view source) {
  const bool wanted = !tokenizer.begin_tokens().empty();
  if (info.begins == wanted || (wanted && !tokenizer.names_begin())) return;
  throw Error("cannot use '" + std::string(source) + "': its documents " +
              (info.begins ? "start with begin tokens, and none are wanted" : "have no begin token, and one is wanted") +
              "; leave --begin out, or re-run tok-encode with the same --begin");
}

/// Returns "added_tokens_decoder" for tokens that take the whitespace before them.
JsonValue taking_spaces(const Tokenizer& tokenizer, std::span<const TokenId> ids) {
  JsonValue table;
  for (const TokenId id : ids) {
    JsonValue token;
    token.set("content", tokenizer.bytes_of(id)).set("lstrip", true).set("normalized", false);
    table.set(std::to_string(id), token.set("rstrip", false).set("single_word", false).set("special", true));
  }
  return table;
}

/// Returns the token that hides others, by the names that tokenizers have for it.
std::optional<TokenId> mask_of(const Tokenizer& tokenizer) {
  for (const char* name : {"<|mask|>", "[MASK]", "<mask>"}) {
    if (const std::optional<TokenId> id = tokenizer.id_of(name)) return id;
  }
  return std::nullopt;
}

}  // namespace

std::span<const TokenId> BeginTokens::strip(std::span<const TokenId> tokens) {
  const std::vector<TokenId>& expected = tokenizer_.begin_tokens();
  if (!present_ && !tokens.empty()) present_ = !expected.empty() && tokens.front() == expected.front();
  while (are_present() && seen_ < expected.size() && !tokens.empty()) {
    if (tokens.front() != expected[seen_]) {
      throw Error("cannot use '" + name_ + "': a document begins with " + describe_token(tokenizer_, tokens.front()) +
                  ", expected " + describe_token(tokenizer_, expected[seen_]) + "; give the same --begin as tok-encode had");
    }
    ++seen_;
    tokens = tokens.subspan(1);
  }
  return tokens;
}

void require_embedded(std::span<const TokenId> ids, const Tokenizer& tokenizer, const ReadableIds& readable,
                      std::string_view path, std::string_view what) {
  const std::int64_t vocab_size = readable.vocab_size;
  if (readable.uncounted && std::find(ids.begin(), ids.end(), *readable.uncounted) != ids.end()) {
    throw Error("cannot use '" + std::string(path) + "' with " + std::string(what) + ": it has " +
                describe_token(tokenizer, *readable.uncounted) +
                ", the padding of a model that gives padding no position; leave such tokens out");
  }
  if (tokenizer.vocab_size() <= vocab_size) return;
  const auto beyond = std::find_if(ids.begin(), ids.end(), [&](TokenId id) { return id >= vocab_size; });
  if (beyond == ids.end()) return;
  throw Error("cannot use '" + std::string(path) + "' with " + std::string(what) + ": it has " +
              describe_token(tokenizer, *beyond) + ", and the model's vocabulary of " + std::to_string(vocab_size) +
              " ends before that; the tokenizer has " + std::to_string(tokenizer.vocab_size()) + " tokens");
}

void require_same_tokenizer(const Tokenizer& tokenizer, const TokenFileInfo& info, std::string_view source) {
  const bool same_end = info.end_of_text == tokenizer.end_of_text();
  const bool same_size = info.vocab_size == tokenizer.vocab_size();
  const std::string made = to_hex(info.fingerprint).substr(0, 8), wanted = to_hex(tokenizer.fingerprint()).substr(0, 8);
  const std::string its_end = describe_token(tokenizer, info.end_of_text),
                    our_end = describe_token(tokenizer, tokenizer.end_of_text());
  std::string why;
  if (info.fingerprint == tokenizer.fingerprint()) {
    if (same_end && same_size) return require_same_begin(tokenizer, info, source);
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

std::string tokenizer_config(const Tokenizer& tokenizer, std::optional<std::int64_t> context_length,
                             std::span<const TokenId> gaps) {
  const std::string& kept = tokenizer.config_json();
  if (!kept.empty()) return kept + (kept.ends_with('\n') ? "" : "\n");
  const std::string end(tokenizer.bytes_of(tokenizer.end_of_text()));
  const std::vector<TokenId>& begin = tokenizer.begin_tokens();
  JsonValue config;
  config.set("tokenizer_class", "PreTrainedTokenizerFast").set("add_prefix_space", false);
  config.set("clean_up_tokenization_spaces", false);
  if (context_length) config.set("model_max_length", *context_length);
  config.set("bos_token", begin.empty() ? end : std::string(tokenizer.bytes_of(begin.front()))).set("eos_token", end);
  if (tokenizer.id_of("<|pad|>")) config.set("pad_token", "<|pad|>");
  if (tokenizer.id_of("<|mask|>")) config.set("mask_token", "<|mask|>");
  if (!gaps.empty() && joins_spaces(tokenizer)) config.set("added_tokens_decoder", taking_spaces(tokenizer, gaps));
  return config.dump(2) + "\n";
}

SpecialIds special_ids(const Tokenizer& tokenizer) {
  SpecialIds ids{.mask = mask_of(tokenizer),
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

bool joins_spaces(const Tokenizer& tokenizer) {
  for (TokenId id = 0; id < tokenizer.vocab_size(); ++id) {
    const std::string_view piece = tokenizer.bytes_of(id);
    if (piece.size() > 1 && piece[0] == ' ' && piece[1] != ' ' && !tokenizer.is_special(id)) return true;
  }
  return false;
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
