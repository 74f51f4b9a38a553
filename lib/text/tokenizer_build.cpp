#include "text/tokenizer_build.h"

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "base/suggest.h"
#include "text/normalize/growth.h"
#include "text/pattern/regex.h"
#include "text/post_processor.h"
#include "text/tokenizer_cuts.h"
#include "text/tokenizer_fingerprint.h"
#include "text/vocabulary/byte_level.h"

namespace lm {

namespace {

// In the order of preference: names under which known tokenizers end a document.
constexpr std::array<std::string_view, 9> kEndOfTextNames = {
    "<|endoftext|>", "<|end_of_text|>", "<｜end▁of▁sentence｜>", "<|im_end|>", "</s>", "<eos>", "[EOS]",
    "[SEP]",         "<EOS_TOKEN>"};

[[noreturn]] void reject(std::string_view source, const std::string& why) {
  throw Error("cannot use the tokenizer '" + std::string(source) + "': " + why);
}

std::string quote(std::string_view bytes) { return json_quote(bytes.substr(0, 100)); }

std::optional<TokenId> find_known_end_of_text(const TokenStrings& tokens) {
  for (const std::string_view name : kEndOfTextNames) {
    if (const std::optional<TokenId> id = find_token(tokens, name)) return id;
  }
  return std::nullopt;
}

[[noreturn]] void refuse_end_of_text(const TokenizerTables& tables, const std::string& name, std::string_view source) {
  reject(source, "it has no token " + quote(name) + " to be its end-of-text" +
                     did_you_mean(similar_special_tokens(tables.parts, name)));
}

/// Marks special tokens and unused ids, and makes the end-of-text token special if the file does not say so.
void mark_special(TokenizerTables& tables, const TokenizerOptions& options, std::string_view source) {
  const TokenStrings& tokens = tables.parts.tokens;
  tables.special.assign(tokens.size(), false);
  for (TokenId id = 0; id < tokens.size(); ++id) tables.special[id] = tokens[id].empty();
  for (const AddedToken& added : tables.parts.added) {
    if (added.special) tables.special[added.id] = true;
  }
  std::optional<TokenId> end_of_text;
  const std::string& name = options.end_of_text.empty() ? tables.parts.end_of_text : options.end_of_text;
  if (!name.empty()) {
    end_of_text = find_token(tokens, name);
    if (!end_of_text) refuse_end_of_text(tables, name, source);
  }
  const std::optional<TokenId> known = find_known_end_of_text(tokens);
  if (!end_of_text) end_of_text = known;
  if (!end_of_text) reject(source, "it has no end-of-text token of a known name; name one with --end-of-text");
  tables.end_of_text = *end_of_text;
  tables.parts.end_of_text = end_of_text == known ? std::string() : std::string(tokens[*end_of_text]);
  if (tables.special[*end_of_text]) return;
  tables.special[*end_of_text] = true;
  for (AddedToken& added : tables.parts.added) {
    if (added.id == *end_of_text) {
      added.special = true;
      return;
    }
  }
  tables.parts.added.push_back({*end_of_text, true});
}

/// Makes the added tokens special that text shall not spell.
void mark_reserved(TokenizerTables& tables, const TokenizerOptions& options) {
  for (AddedToken& added : tables.parts.added) {
    const std::string_view name = tables.parts.tokens[added.id];
    if (added.special || std::find(options.reserved.begin(), options.reserved.end(), name) == options.reserved.end())
      continue;
    added.special = true;
    tables.special[added.id] = true;
    tables.reserved.push_back(added.id);
  }
  std::sort(tables.reserved.begin(), tables.reserved.end());
}

/// Returns, by id, the tokens that the model does not give: special ones, unused ids, and added ones that it does not have.
std::vector<bool> absent_ids(const TokenizerTables& tables) {
  std::vector<bool> absent = tables.special;
  for (const AddedToken& added : tables.parts.added) {
    if (!added.in_model) absent[added.id] = true;
  }
  return absent;
}

void index_ordinary(TokenizerTables& tables, std::string_view source) {
  const TokenStrings& tokens = tables.parts.tokens;
  tables.ordinary.reset(tokens, tokens.size());
  tables.absent = absent_ids(tables);
  for (TokenId id = 0; id < tokens.size(); ++id) {
    if (tables.absent[id]) continue;
    const std::string_view bytes = tokens[id];
    if (!tables.ordinary.insert(id)) reject(source, "two of its tokens are " + quote(bytes));
    tables.longest_ordinary = std::max(tables.longest_ordinary, bytes.size());
    for (std::size_t i = 1; i < bytes.size(); ++i) {
      tables.joined[static_cast<unsigned char>(bytes[i - 1]) * 256u + static_cast<unsigned char>(bytes[i])] = true;
    }
  }
  for (unsigned byte = 0; byte < 256; ++byte) {
    const char text = static_cast<char>(byte);
    const std::optional<TokenId> id = tables.ordinary.find({&text, 1});
    if (!id && tables.parts.by_rank)
      reject(source, "it has no token for the byte " + std::to_string(byte) + ", so it cannot hold any text");
    tables.missing_bytes[byte] = !id;
    tables.byte_tokens[byte] = id ? *id : tables.parts.unknown.value_or(kNoByteToken);
  }
  tables.has_all_bytes = tables.missing_bytes.none();
}

void index_merges(TokenizerTables& tables, std::string_view source) {
  const TokenizerParts& parts = tables.parts;
  tables.pairs.reset(parts.merges.size(), parts.tokens.size(), parts.merges.size());
  TokenIndex absent;  // by the bytes of a token that the model does not give
  absent.reset(parts.tokens, parts.tokens.size());
  for (TokenId id = 0; id < parts.tokens.size(); ++id) {
    if (!tables.ordinary.find(parts.tokens[id])) absent.insert(id);
  }
  std::string joined;
  for (std::uint32_t rank = 0; rank < parts.merges.size(); ++rank) {
    const auto [left, right] = parts.merges[rank];
    joined.assign(parts.tokens[left]).append(parts.tokens[right]);
    const std::optional<TokenId> result = tables.ordinary.find(joined);
    if (!result) {
      // A merge that spells a special token is in the file for others; text must not reach it.
      if (absent.find(joined)) continue;
      reject(source, "merge " + std::to_string(rank) + " makes " + quote(joined) + ", which is not a token");
    }
    if (!tables.pairs.insert({left, right}, {rank, *result})) {
      reject(source, "merge " + std::to_string(rank) + ", " + quote(parts.tokens[left]) + " and " +
                         quote(parts.tokens[right]) + ", appears twice");
    }
  }
}

/// Makes rank mode pairs: each way to cut a token into two tokens is a merge of the token's rank, which is its id.
void index_ranks(TokenizerTables& tables) {
  const TokenStrings& tokens = tables.parts.tokens;
  std::vector<bool> lengths(tables.longest_ordinary + 1);
  for (TokenId id = 0; id < tokens.size(); ++id) lengths[tables.special[id] ? 0 : tokens[id].size()] = true;
  struct Found {
    MergePair pair;
    TokenId result;
  };
  std::vector<Found> found;
  found.reserve(4 * std::size_t{tokens.size()});
  std::vector<std::uint64_t> lefts,
      rights;  // hashes by cut: all of a token's are on their way to the caches before one is needed
  for (TokenId id = 0; id < tokens.size(); ++id) {
    if (tables.special[id]) continue;
    const std::string_view bytes = tokens[id];
    lefts.resize(bytes.size());
    rights.resize(bytes.size());
    const auto is_cut = [&](std::size_t cut) { return lengths[cut] && lengths[bytes.size() - cut]; };
    for (std::size_t cut = 1; cut < bytes.size(); ++cut) {
      if (!is_cut(cut)) continue;
      lefts[cut] = hash_bytes(bytes.substr(0, cut));
      rights[cut] = hash_bytes(bytes.substr(cut));
      tables.ordinary.prefetch(lefts[cut]);
      tables.ordinary.prefetch(rights[cut]);
    }
    for (std::size_t cut = 1; cut < bytes.size(); ++cut) {
      if (!is_cut(cut)) continue;
      const std::optional<TokenId> left = tables.ordinary.find(bytes.substr(0, cut), lefts[cut]);
      if (!left) continue;
      const std::optional<TokenId> right = tables.ordinary.find(bytes.substr(cut), rights[cut]);
      if (right) found.push_back({{*left, *right}, id});
    }
  }
  tables.pairs.reset(found.size(), tokens.size(), tokens.size());
  for (const Found& merge : found) LM_CHECK(tables.pairs.insert(merge.pair, {merge.result, merge.result}));
}

/// Finds the matches of an expression in a normalizer or decoder.
MatchFinder find_expression(const std::string& expression) {
  const auto regex = std::make_shared<const Regex>(expression, "an expression of Replace");
  return [regex](std::string_view text, std::vector<std::pair<std::size_t, std::size_t>>& matches) {
    Regex::Scratch scratch;
    std::vector<Regex::Match> found;
    regex->find_all(text, scratch, found);
    for (const Regex::Match& match : found) matches.emplace_back(match.begin, match.end);
  };
}

/// Refuses a pattern that is not the file's own.
void check_pattern(const TokenizerParts& parts, const TokenizerOptions& options, std::string_view source) {
  if (!options.pattern) return;
  if (parts.form == TokenizerParts::Form::spelled)
    reject(source, "it cuts text in its own way, by none of the patterns; leave --pattern out");
  if (*options.pattern != parts.pattern)
    reject(source, "its pattern is " + std::string(to_string(parts.pattern)) + ", not " + to_string(*options.pattern));
}

/// Looks up the merges of two bytes beforehand: every pretoken begins with these.
void index_byte_pairs(TokenizerTables& tables) {
  tables.byte_pairs.assign(65536, MergeTable::kNoMerge);
  for (std::size_t pair = 0; pair < tables.byte_pairs.size(); ++pair) {
    const TokenId left = tables.byte_tokens[pair >> 8U], right = tables.byte_tokens[pair & 255U];
    if (left != kNoByteToken && right != kNoByteToken) tables.byte_pairs[pair] = tables.pairs.find(left, right);
  }
}

void index_bytes(TokenizerTables& tables, std::string_view source) {
  index_ordinary(tables, source);
  if (tables.parts.by_rank) {
    index_ranks(tables);
  } else {
    index_merges(tables, source);
  }
  tables.pairs.finish();
  index_byte_pairs(tables);
  if (tables.has_all_bytes) tables.cuts.build(tables.parts.tokens);
}

/// Builds what the form spelled needs.
void build_spelled(TokenizerTables& tables, std::string_view source) {
  const TokenizerParts& parts = tables.parts;
  tables.pre_tokenizer = PreTokenizer::from_json(parts.components.pre_tokenizer, source);
  tables.decoder = TokenDecoder::from_json(parts.components.decoder, source, find_expression);
  tables.model = SpelledModel(parts, absent_ids(tables), source);
  if (parts.origin == TokenizerParts::Origin::sentencepiece) {
    const JsonValue& normalizer = parts.components.normalizer;
    tables.drops_first_spaces = json_is_set(normalizer, "remove_extra_whitespaces");
    tables.drops_first_space = json_is_set(normalizer, "add_dummy_prefix") || tables.drops_first_spaces;
  }
  std::size_t size = 0, made = 0;
  for (TokenId id = 0; id < parts.tokens.size(); ++id) size += parts.tokens[id].size();
  std::string text;
  for (const AddedToken& added : parts.added) {
    if (!added.normalized || tables.normalizer.is_identity()) continue;
    tables.normalizer.normalize(parts.tokens[added.id], {}, text);
    refuse_growth(made += text.size(), growth_limit(size));
    if (text != parts.tokens[added.id]) tables.normal_spellings[added.id] = text;
  }
  for (TokenId id = 0; id < parts.tokens.size(); ++id) {
    text.clear();
    if (tables.special[id]) {
      text = parts.tokens[id];
    } else {
      tables.decoder.middle_text(parts.tokens[id], text);
    }
    refuse_growth(made += text.size(), growth_limit(size));
    tables.texts.push_back(text);
  }
}

std::string quoted_names(const TokenizerTables& tables, const std::vector<TokenId>& ids) {
  std::string names;
  for (const TokenId id : ids) names += (names.empty() ? "" : " ") + quote(tables.parts.tokens[id]);
  return names;
}

/// Returns whether text is spelled in ByteLevel characters, all of which have tokens, and nothing is put before it.
bool spells_all_bytes(const TokenizerParts& parts) {
  const std::vector<const JsonValue*> steps = steps_of_type(parts.components.pre_tokenizer, "ByteLevel");
  if (steps.empty()) return false;
  if (json_bool_in(*steps.back(), "add_prefix_space") != false) return false;
  TokenIndex index;
  index.reset(parts.tokens, parts.tokens.size());
  for (TokenId id = 0; id < parts.tokens.size(); ++id) index.insert(id);
  for (unsigned byte = 0; byte < 256; ++byte) {
    const char text = static_cast<char>(byte);
    if (!index.find(to_byte_level({&text, 1}))) return false;
  }
  return true;
}

bool loses_text(const TokenizerTables& tables) {
  const TokenizerParts& parts = tables.parts;
  if (tables.normalizer.loss() == NormalizerLoss::text) return true;
  if (parts.form == TokenizerParts::Form::bytes) return !tables.has_all_bytes;
  if (parts.kind == ModelKind::bpe && spells_all_bytes(parts)) return false;
  return parts.kind == ModelKind::wordpiece || parts.kind == ModelKind::wordlevel || !parts.byte_fallback;
}

/// Finds the tokens that go around each text.
void take_surroundings(TokenizerTables& tables, const TokenizerOptions& options, std::string_view source) {
  TokensAround& around = tables.around;
  around = read_post_processor(tables.parts.components.post_processor, source);
  for (const std::vector<TokenId>* ids : {&around.before, &around.after}) {
    for (const TokenId id : *ids) {
      if (id >= tables.parts.tokens.size() || tables.parts.tokens[id].empty())
        reject(source, "its post-processor puts token " + std::to_string(id) + " around texts, which it does not have");
    }
  }
  tables.begin_tokens = around.before;
  if (options.begin) tables.parts.begin = options.begin;
  const std::optional<std::string>& begin = tables.parts.begin;
  if (begin && *begin == "none") {
    tables.begin_tokens.clear();
    tables.opens_with_nothing = true;
  } else if (begin) {
    const std::optional<TokenId> id = find_token(tables.parts.tokens, *begin);
    if (!id) reject(source, "it has no token " + quote(*begin) + " to begin texts with");
    tables.begin_tokens = {*id};
    tables.names_begin = true;
  }
  tables.stated_begin = tables.begin_tokens;
  // An end-of-text before a text is what this toolkit supplies anyway.
  std::erase(tables.begin_tokens, tables.end_of_text);
}

/// Notes what the user should know.
void take_notes(TokenizerTables& tables) {
  const TokensAround& around = tables.around;
  tables.loses_text = loses_text(tables);
  if (!around.after.empty()) {
    tables.closing_note = "the tokenizer is meant to put " + quoted_names(tables, around.after) +
                          " after each text (its post-processor); text is used here without";
  }
  if (tables.loses_text)
    tables.notes.push_back("the tokenizer does not keep all of a text: decoding gives back what is left of it");
}

}  // namespace

std::vector<std::string> similar_special_tokens(const TokenizerParts& parts, const std::string& name) {
  std::vector<std::string> specials;
  for (const AddedToken& added : parts.added) {
    if (added.special) specials.emplace_back(parts.tokens[added.id]);
  }
  std::vector<std::string> similar = similar_words(name, specials);
  if (similar.empty()) similar = similar_words("<|" + name + "|>", specials);
  return similar;
}

std::unique_ptr<TokenizerTables> build_tables(TokenizerParts parts, const TokenizerOptions& options,
                                              std::string_view source) {
  auto tables = std::make_unique<TokenizerTables>();
  tables->parts = std::move(parts);
  if (std::max(tables->parts.scores.size(), tables->parts.kinds.size()) > tables->parts.tokens.size())
    reject(source, "it has more scores or kinds of tokens than tokens");
  check_pattern(tables->parts, options, source);
  mark_special(*tables, options, source);
  mark_reserved(*tables, options);
  take_surroundings(*tables, options, source);
  tables->normalizer = Normalizer::from_json(tables->parts.components.normalizer, source, find_expression);
  if (tables->parts.form == TokenizerParts::Form::bytes) {
    index_bytes(*tables, source);
  } else {
    build_spelled(*tables, source);
  }
  take_notes(*tables);
  tables->added = AddedMatcher(tables->parts.added, tables->parts.tokens, tables->special, tables->normalizer);
  find_cuts(*tables);
  tables->fingerprint = fingerprint_of(*tables);
  return tables;
}

}  // namespace lm
