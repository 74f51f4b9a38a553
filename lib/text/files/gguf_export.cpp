#include "text/files/gguf_export.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>

#include "base/error.h"
#include "base/gguf.h"
#include "base/json.h"
#include "text/files/foreign.h"
#include "text/files/gguf_export_check.h"
#include "text/files/gguf_vocabulary.h"
#include "text/files/json_steps.h"
#include "text/files/llama_pre_tokenizers.h"
#include "text/files/rank_merges.h"
#include "text/files/translation.h"
#include "text/pattern/pretokenizer.h"
#include "text/tokenizer_tables.h"
#include "text/vocabulary/byte_level.h"

namespace lm {

namespace {

/// The types of tokens, as GGUF files number them.
enum class GgufTokenType : std::int32_t { normal = 1, unknown = 2, control = 3, user_defined = 4, unused = 5, byte = 6 };

/// A family of patterns, and the name that llama.cpp has for it.
struct NamedPattern {
  Pattern pattern;
  bool ignores_merges;
  std::string_view name;
  bool exact = true;  // else it cuts letters beyond ASCII elsewhere, in places
};
constexpr auto kNamedPatterns = std::to_array<NamedPattern>({
    {Pattern::gpt2, false, "gpt-2"},
    {Pattern::r50k, false, "gpt-2"},
    {Pattern::llama3, true, "llama-bpe"},
    {Pattern::llama3, false, "dbrx"},
    {Pattern::qwen2, false, "qwen2"},
    {Pattern::qwen35, false, "qwen35"},
    {Pattern::smollm, false, "smollm"},
    {Pattern::o200k, false, "gpt-4o", false},
    {Pattern::tekken, true, "tekken", false},
    {Pattern::deepseek_llm, false, "deepseek-llm"},
    {Pattern::deepseek_coder, false, "deepseek-coder"},
    {Pattern::deepseek_v3, false, "deepseek-v3"},
});

/// The tokens for infilling, and for the files of a repository, by their names.
struct NamedTokens {
  std::string_view key, config_key;
  std::array<std::string_view, 5> names;
};
constexpr auto kFillTokens = std::to_array<NamedTokens>({
    {"fim_pre_token_id", "prefix_token", {"<|fim_prefix|>", "<fim_prefix>", "<fim-prefix>", "<｜fim▁begin｜>", "▁<PRE>"}},
    {"fim_suf_token_id", "suffix_token", {"<|fim_suffix|>", "<fim_suffix>", "<fim-suffix>", "<｜fim▁hole｜>", "▁<SUF>"}},
    {"fim_mid_token_id", "middle_token", {"<|fim_middle|>", "<fim_middle>", "<fim-middle>", "<｜fim▁end｜>", "▁<MID>"}},
    {"fim_pad_token_id", "fim_pad_token", {"<|fim_pad|>", "<fim_pad>", "<fim-pad>", "", ""}},
    {"fim_rep_token_id", "fim_rep_token", {"<|repo_name|>", "<repo_name>", "<|fim_repo|>", "<reponame>", ""}},
    {"fim_sep_token_id", "fim_sep_token", {"<|file_sep|>", "<file_sep>", "<|file_separator|>", "", ""}},
});

/// Returns the steps of a Sequence, or the step itself; none of null.
std::vector<JsonValue> steps_of(const JsonValue& value, std::string_view members) {
  if (value.is_null()) return {};
  const JsonValue* steps = json_string_in(value, "type") == "Sequence" ? value.find(members) : nullptr;
  return steps != nullptr && steps->if_array() != nullptr ? *steps->if_array() : std::vector{value};
}

/// Returns a token's name in a tokenizer_config.json: a string, or an object with one.
std::string configured_token(const JsonValue& config, std::string_view key) {
  const JsonValue* value = config.find(key);
  if (value != nullptr && value->if_object() != nullptr) value = value->find("content");
  return value != nullptr && value->if_string() != nullptr ? *value->if_string() : "";
}

constexpr std::string_view kCleansUp = "clean_up_tokenization_spaces";

/// Returns the chat template of a tokenizer_config.json, of several the one called default.
std::string configured_template(const JsonValue& config) {
  const JsonValue* value = config.find("chat_template");
  if (value == nullptr) return "";
  if (value->if_string() != nullptr) return *value->if_string();
  if (value->if_array() == nullptr) return "";
  for (const JsonValue& each : *value->if_array()) {
    if (configured_token(each, "name") == "default") return configured_token(each, "template");
  }
  return "";
}

class VocabularyExport {
 public:
  VocabularyExport(const Tokenizer& tokenizer, const GgufVocabularyFacts& facts, std::string_view target)
      : tokenizer_(tokenizer),
        parts_(tokenizer.tables().parts),
        translation_(translate(parts_)),
        facts_(facts),
        target_(target) {
    if (parts_.by_rank) translation_.merges = merges_of_ranks(tokenizer.tables());
    if (!tokenizer.config_json().empty()) config_ = JsonValue::parse(tokenizer.config_json(), "tokenizer_config.json");
  }

  GgufVocabulary make() {
    if (tokenizer_.vocab_size() > facts_.vocab_size) {
      refuse("its tokenizer has " + std::to_string(tokenizer_.vocab_size()) + " tokens, and the model only " +
             std::to_string(facts_.vocab_size));
    }
    if (parts_.kind == ModelKind::bpe && parts_.byte_fallback) {
      set_pieces();
    } else if (parts_.kind == ModelKind::bpe) {
      set_byte_level();
    } else {
      refuse(std::string("its tokenizer is of the kind ") + to_string(parts_.kind) +
             ", which llama.cpp has only for other architectures");
    }
    set_special_ids();
    set_around();
    set_template();
    return {.fields = std::move(fields_), .notes = std::move(notes_)};
  }

  /// What llama.cpp is known to do otherwise.
  GgufDifferences differences() const { return differences_; }

 private:
  void set(std::string_view key, GgufField value) { fields_.set("tokenizer.ggml." + std::string(key), std::move(value)); }
  void set_id(std::string_view key, TokenId id) { set(key, std::uint32_t{id}); }

  const std::vector<MergePair>& merges() const { return translation_.merges ? *translation_.merges : parts_.merges; }

  /// Returns the name of the way in which text is cut.
  std::string_view find_pattern() {
    const std::optional<Pattern> pattern = pattern_of_pre_tokenizer(translation_.components.pre_tokenizer);
    const bool ignores = translation_.ignore_merges || parts_.by_rank;
    for (const NamedPattern& named : kNamedPatterns) {
      if (pattern != named.pattern || (named.ignores_merges != ignores && !merges_make_all())) continue;
      differences_.beyond_ascii = !named.exact;
      return named.name;
    }
    // What was read from a GGUF file is written with a name of the same meaning.
    const LlamaPreTokenizer* cuts =
        find_llama_pre_tokenizer(translation_.components.pre_tokenizer, ignores, json_is_set(config_, kCleansUp));
    if (cuts != nullptr) return cuts->name;
    const std::string known = pattern ? std::string("'") + to_string(*pattern) + "'" : "of its own";
    refuse("its tokenizer cuts text by the pattern " + known + (pattern && ignores ? " and takes whole tokens first" : "") +
           ", which llama.cpp has no name for; write a folder (DIR/) instead, or train a model with another pattern "
           "(tok-train --pattern gpt2, llama3 or qwen2)");
  }

  /// Returns whether every ordinary token is what some merge makes, or a byte: then it does not matter whether a pretoken that is a
  /// token is taken without merging.
  bool merges_make_all() const {
    if (parts_.form != TokenizerParts::Form::bytes || parts_.by_rank) return false;
    std::map<std::string, bool, std::less<>> made;
    for (const MergePair& merge : merges())
      made[std::string(parts_.tokens[merge.left]) + std::string(parts_.tokens[merge.right])] = true;
    for (TokenId id = 0; id < parts_.tokens.size(); ++id) {
      if (!tokenizer_.tables().special[id] && parts_.tokens[id].size() > 1 && !made.contains(parts_.tokens[id]))
        return false;
    }
    return true;
  }

  /// Fills tokens and types; spell(id) and type(id) give those of tokens that are not added.
  template <class Spell, class Type>
  void set_tokens(Spell spell, Type type) {
    const std::vector<bool> is_added = added_ids(parts_.added, parts_.tokens.size());
    std::vector<std::string> tokens;
    std::vector<std::int32_t> types;
    const auto append = [&](std::string token, GgufTokenType kind) {
      tokens.push_back(std::move(token));
      types.push_back(static_cast<std::int32_t>(kind));
    };
    for (TokenId id = 0; id < static_cast<TokenId>(facts_.vocab_size); ++id) {
      if (id >= parts_.tokens.size() || parts_.tokens[id].empty()) {
        append("[PAD" + std::to_string(id) + "]", GgufTokenType::unused);
      } else if (!is_added[id]) {
        append(spell(id), type(id));
      } else if (parts_.byte_fallback && parts_.unknown == id) {
        append(std::string(parts_.tokens[id]), GgufTokenType::unknown);
      } else if (tokenizer_.tables().special[id]) {
        append(std::string(parts_.tokens[id]), GgufTokenType::control);
      } else {
        append(added_text(id), GgufTokenType::user_defined);
      }
    }
    set("tokens", std::move(tokens));
    set("token_type", std::move(types));
  }

  /// Returns a token that is looked for in text as text has it: spaces for "▁", if the token is one of normalized text.
  std::string added_text(TokenId id) const {
    std::string text(parts_.tokens[id]);
    const auto added =
        std::find_if(parts_.added.begin(), parts_.added.end(), [&](const AddedToken& each) { return each.id == id; });
    const bool by_library = parts_.origin == TokenizerParts::Origin::hugging_face;
    if (!parts_.byte_fallback || (by_library && !added->normalized)) return text;
    for (std::size_t at = text.find(kSpaceSymbol); at != std::string::npos; at = text.find(kSpaceSymbol, at))
      text.replace(at, kSpaceSymbol.size(), " ");
    return text;
  }

  std::string byte_level_spelling(TokenId id) const {
    return parts_.form == TokenizerParts::Form::bytes ? to_byte_level(parts_.tokens[id]) : std::string(parts_.tokens[id]);
  }

  void set_byte_level() {
    if (!parts_.subword_prefix.empty() || !parts_.word_suffix.empty())
      refuse("its tokenizer marks what is inside a word, which llama.cpp's BPE does not");
    const std::string_view name = find_pattern();
    set("model", std::string("gpt2"));
    set("pre", std::string(name));
    set_tokens([&](TokenId id) { return byte_level_spelling(id); }, [](TokenId) { return GgufTokenType::normal; });
    std::vector<std::string> texts;
    for (const MergePair& merge : merges())
      texts.push_back(byte_level_spelling(merge.left) + " " + byte_level_spelling(merge.right));
    set("merges", std::move(texts));
    if (!translation_.components.normalizer.is_null()) {
      notes_.push_back("the tokenizer normalizes text (" +
                       std::string(json_string_in(translation_.components.normalizer, "type")) +
                       "), which llama.cpp does not: text that this changes becomes other tokens there");
    }
  }

  /// Sets a vocabulary of pieces with "▁" for spaces, as SentencePiece's.
  void set_pieces() {
    set("model", std::string("llama"));
    set("pre", std::string("default"));
    set_tokens([&](TokenId id) { return std::string(parts_.tokens[id]); }, [&](TokenId id) { return piece_type(id); });
    set("scores", piece_scores());
    set("add_space_prefix", prepends_space());
  }

  GgufTokenType piece_type(TokenId id) const {
    const std::string_view token = parts_.tokens[id];
    if (parts_.unknown == id) return GgufTokenType::unknown;
    if (token.size() == 6 && token.starts_with("<0x") && token.ends_with('>')) return GgufTokenType::byte;
    if (id >= parts_.kinds.size()) return GgufTokenType::normal;
    switch (parts_.kinds[id]) {
      case PieceKind::control:
        return GgufTokenType::control;
      case PieceKind::user_defined:
        return GgufTokenType::user_defined;
      case PieceKind::unused:
        return GgufTokenType::unused;
      case PieceKind::unknown:
        return GgufTokenType::unknown;
      case PieceKind::byte:
        return GgufTokenType::byte;
      default:
        return GgufTokenType::normal;
    }
  }

  /// Returns the scores, by which llama.cpp merges; of a list of merges those that give its order.
  std::vector<float> piece_scores() const {
    std::vector<float> scores(static_cast<std::size_t>(facts_.vocab_size), 0.0F);
    if (!parts_.scores.empty()) {
      for (std::size_t id = 0; id < parts_.scores.size(); ++id) scores[id] = static_cast<float>(parts_.scores[id]);
      return scores;
    }
    TokenIndex index;
    index.reset(parts_.tokens, parts_.tokens.size());
    for (TokenId id = 0; id < parts_.tokens.size(); ++id) {
      if (!parts_.tokens[id].empty()) index.insert(id);
    }
    float rank = 0;
    for (const MergePair& merge : merges()) {
      const std::optional<TokenId> made =
          index.find(std::string(parts_.tokens[merge.left]) + std::string(parts_.tokens[merge.right]));
      if (made && scores[*made] == 0) scores[*made] = --rank;
    }
    return scores;
  }

  /// Returns whether a space goes before a text. Throws Error for a pipeline that llama.cpp does not have for pieces.
  bool prepends_space() {
    bool prepends = false;
    for (const JsonValue& step : steps_of(translation_.components.normalizer, "normalizers")) {
      if (json_string_in(step, "type") == "Prepend") prepends = true;
    }
    for (const JsonValue& step : steps_of(translation_.components.pre_tokenizer, "pretokenizers")) {
      if (json_string_in(step, "type") != "Metaspace") continue;
      const JsonValue* scheme = step.find("prepend_scheme");
      const bool never = scheme != nullptr && scheme->if_string() != nullptr && *scheme->if_string() == "never";
      differences_.leading_spaces = differences_.leading_spaces || !never;
      prepends = prepends || !never;
    }
    return prepends;
  }

  bool has(std::string_view key) const { return fields_.find("tokenizer.ggml." + std::string(key)) != nullptr; }

  void set_named_id(std::string_view key, std::string_view config_key) {
    if (has(key)) return;
    const std::optional<TokenId> id = id_of(configured_token(config_, config_key));
    if (id) set_id(key, *id);
  }

  std::optional<TokenId> id_of(std::string_view name) const {
    if (name.empty()) return std::nullopt;
    const std::optional<TokenId> id = tokenizer_.id_of(name);
    return id ? id : tokenizer_.find(name);
  }

  void set_special_ids() {
    const std::vector<TokenId>& begin = facts_.begin;
    if (!begin.empty()) set_id("bos_token_id", begin.front());
    set_named_id("bos_token_id", "bos_token");
    if (!has("bos_token_id")) set_id("bos_token_id", tokenizer_.end_of_text());
    set_id("eos_token_id", tokenizer_.end_of_text());
    std::vector<TokenId> others;
    for (const TokenId id : facts_.ends) {
      if (id != tokenizer_.end_of_text() && id < tokenizer_.vocab_size()) others.push_back(id);
    }
    for (std::size_t i = 0; i < others.size() && i < 2; ++i) set_id(i == 0 ? "eot_token_id" : "eom_token_id", others[i]);
    if (others.size() > 2) {
      notes_.push_back("the model names " + std::to_string(others.size() + 1) +
                       " tokens that end a text, and GGUF has keys for three; llama.cpp finds others only by known names");
    }
    if (tokenizer_.unknown_token()) set_id("unknown_token_id", *tokenizer_.unknown_token());
    set_named_id("unknown_token_id", "unk_token");
    set_named_id("padding_token_id", "pad_token");
    if (const auto pad = tokenizer_.id_of("<|pad|>"); pad && !has("padding_token_id")) set_id("padding_token_id", *pad);
    set_named_id("seperator_token_id", "sep_token");
    set_named_id("mask_token_id", "mask_token");
    for (const NamedTokens& fill : kFillTokens) {
      set_named_id(fill.key, fill.config_key);
      for (std::size_t i = 0; i < fill.names.size() && !has(fill.key); ++i) {
        if (const std::optional<TokenId> id = id_of(fill.names[i])) set_id(fill.key, *id);
      }
    }
  }

  /// Says what is put around a text.
  void set_around() {
    const std::vector<TokenId>&begin = facts_.begin, &closing = tokenizer_.closing();
    if (begin.size() > 1)
      refuse("it puts " + std::to_string(begin.size()) + " tokens before a text, and llama.cpp at most one");
    set("add_bos_token", !begin.empty());
    set("add_eos_token", closing.size() == 1 && closing.front() == tokenizer_.end_of_text());
  }

  void set_template() {
    const std::string text = facts_.chat_template.empty() ? configured_template(config_) : facts_.chat_template;
    if (!text.empty()) fields_.set("tokenizer.chat_template", text);
  }

  [[noreturn]] void refuse(const std::string& why) const {
    throw Error("cannot write '" + std::string(target_) + "' as GGUF: " + why);
  }

  const Tokenizer& tokenizer_;
  const TokenizerParts& parts_;
  Translation translation_;
  const GgufVocabularyFacts& facts_;
  std::string_view target_;
  JsonValue config_;
  GgufFields fields_;
  std::vector<std::string> notes_;
  GgufDifferences differences_;
};

}  // namespace

GgufVocabulary gguf_vocabulary(const Tokenizer& tokenizer, const GgufVocabularyFacts& facts, std::string_view target) {
  VocabularyExport exported(tokenizer, facts, target);
  GgufVocabulary vocabulary = exported.make();
  const Tokenizer other = read_back(vocabulary.fields, target);
  if (const std::string text = first_difference(tokenizer, other, exported.differences()); !text.empty()) {
    throw Error("cannot write '" + std::string(target) + "' as GGUF: llama.cpp would make other tokens of the text " +
                json_quote(text) + " than the model's tokenizer, as it has no code for how that one works");
  }
  if (exported.differences().leading_spaces)
    vocabulary.notes.emplace_back(
        "llama.cpp puts a space before a text that begins with one, too, which the tokenizer does not");
  if (exported.differences().beyond_ascii) {
    vocabulary.notes.push_back(
        "llama.cpp cuts words with letters beyond ASCII otherwise than the tokenizer's pattern in places, "
        "as it knows no upper and lower case there");
  }
  return vocabulary;
}

}  // namespace lm
