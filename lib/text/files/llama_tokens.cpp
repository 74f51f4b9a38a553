#include "text/files/llama_tokens.h"

#include <algorithm>
#include <array>
#include <string>

#include "base/gguf_ends.h"

namespace lm {

namespace {

// Tokens for infilling and the keys that name them.
struct LlamaFillTokens {
  std::array<std::string_view, 2> keys;
  std::array<std::string_view, 8> names;
};
constexpr std::array<LlamaFillTokens, 6> kLlamaFillTokens = {
    {{{"tokenizer.ggml.fim_pre_token_id", "tokenizer.ggml.prefix_token_id"},
      {"<|fim_prefix|>", "<fim-prefix>", "<fim_prefix>", "<｜fim▁begin｜>", "<PRE>", "▁<PRE>", "<|code_prefix|>",
       "<|prefix|>"}},
     {{"tokenizer.ggml.fim_suf_token_id", "tokenizer.ggml.suffix_token_id"},
      {"<|fim_suffix|>", "<fim-suffix>", "<fim_suffix>", "<｜fim▁hole｜>", "<SUF>", "▁<SUF>", "<|code_suffix|>",
       "<|suffix|>"}},
     {{"tokenizer.ggml.fim_mid_token_id", "tokenizer.ggml.middle_token_id"},
      {"<|fim_middle|>", "<fim-middle>", "<fim_middle>", "<｜fim▁end｜>", "<MID>", "▁<MID>", "<|code_middle|>",
       "<|middle|>"}},
     {{"tokenizer.ggml.fim_pad_token_id", ""}, {"<|fim_pad|>", "<fim-pad>", "<fim_pad>", "<PAD>", "[PAD]"}},
     {{"tokenizer.ggml.fim_rep_token_id", ""}, {"<|fim_repo|>", "<|repo_name|>", "<fim-repo>", "<REPO>", "<reponame>"}},
     {{"tokenizer.ggml.fim_sep_token_id", ""}, {"<|file_sep|>"}}}};

// Written in a text by gpt-oss's template, so matched always.
constexpr std::array<std::string_view, 4> kLlamaVisibleNames = {"<|channel|>", "<|message|>", "<|start|>", "<|constrain|>"};

bool contains_any(std::string_view text, std::initializer_list<std::string_view> parts) {
  return std::any_of(parts.begin(), parts.end(),
                     [&](std::string_view part) { return text.find(part) != std::string_view::npos; });
}

std::string lower_ascii(std::string text) {
  for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return text;
}

/// Looks up tokens by name and sets their kinds.
class LlamaKinds {
 public:
  explicit LlamaKinds(ForeignVocabulary& vocabulary) : vocabulary_(vocabulary) {
    index_.reset(vocabulary.tokens, vocabulary.tokens.size());
    for (TokenId id = 0; id < vocabulary.tokens.size(); ++id) index_.insert(id);
  }
  std::optional<TokenId> find(std::string_view name) const { return name.empty() ? std::nullopt : index_.find(name); }
  bool has(std::string_view name) const { return find(name).has_value(); }
  void set(std::string_view name, PieceKind kind) {
    if (const std::optional<TokenId> id = find(name)) vocabulary_.kinds[*id] = kind;
  }

 private:
  ForeignVocabulary& vocabulary_;
  TokenIndex index_;
};

AddedToken* find_added(ForeignVocabulary& vocabulary, std::string_view name) {
  for (AddedToken& added : vocabulary.added) {
    if (vocabulary.tokens[added.id] == name) return &added;
  }
  return nullptr;
}

}  // namespace

void correct_llama_kinds(ForeignVocabulary& vocabulary, const GgufFile& file) {
  LlamaKinds kinds(vocabulary);
  for (const LlamaFillTokens& tokens : kLlamaFillTokens) {
    if (file.find(tokens.keys[0]) != nullptr || (!tokens.keys[1].empty() && file.find(tokens.keys[1]) != nullptr)) continue;
    for (const std::string_view name : tokens.names) kinds.set(name, PieceKind::control);
  }
  for (const std::string_view name : kGgufEndNames) kinds.set(name, PieceKind::control);
  for (const std::string_view name : kLlamaVisibleNames) kinds.set(name, PieceKind::user_defined);
  const bool calls = kinds.has("<|call|>") || kinds.has("<|calls|>");
  if ((kinds.has("<|return|>") && kinds.has("<|call|>")) || (calls && kinds.has("<|flush|>")))
    kinds.set("<|end|>", PieceKind::user_defined);
  if (kinds.has("<|tool_response>")) kinds.set("</s>", PieceKind::normal);
}

void add_llama_tokens(ForeignVocabulary& vocabulary, const GgufFile& file) {
  const std::string name = lower_ascii(file.string_at("general.name").value_or(""));
  const std::string pre = file.string_at("tokenizer.ggml.pre").value_or("");
  const std::string architecture = file.string_at("general.architecture").value_or("");
  const bool masks = contains_any(pre, {"jina-v2-de", "jina-v2-es", "jina-v2-code"}) ||
                     contains_any(architecture, {"nomic-bert-moe", "jina-bert-v3"});
  const bool phi3 = !masks && contains_any(name, {"phi-3", "phi3"});
  for (TokenId id = 0; id < vocabulary.tokens.size(); ++id) {
    const PieceKind kind = vocabulary.kinds[id];
    if (kind != PieceKind::control && kind != PieceKind::unknown && kind != PieceKind::user_defined) continue;
    vocabulary.added.push_back({.id = id, .special = kind != PieceKind::user_defined, .rstrip = phi3});
  }
  if (phi3) {
    for (const std::string_view plain : {"<unk>", "<s>", "<|endoftext|>"}) {
      if (AddedToken* added = find_added(vocabulary, plain)) added->rstrip = false;
    }
  }
  const bool modern_bert = !masks && !phi3 && contains_any(name, {"modern-bert"});
  AddedToken* mask = masks ? find_added(vocabulary, "<mask>") : modern_bert ? find_added(vocabulary, "[MASK]") : nullptr;
  if (mask != nullptr) mask->lstrip = true;
}

}  // namespace lm
