#include "model/files/gguf_architecture.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "model/families.h"

namespace lm {

namespace {

// As llama.cpp has them (src/models/*.cpp), and as its converter writes them (conversion/*.py).
constexpr auto kArchitectures = std::to_array<GgufArchitecture>({
    {.name = "llama", .family = Family::llama, .paired_rows = true, .frequency_factors = true},
    {.name = "qwen2", .family = Family::qwen2},
    {.name = "qwen3", .family = Family::qwen3},
    {.name = "smollm3", .family = Family::smollm3, .paired_rows = true},
    {.name = "gemma", .family = Family::gemma},
    {.name = "gemma2", .family = Family::gemma2, .layers_scaled_by_channels = 46},
    {.name = "gemma3", .family = Family::gemma3, .layers_scaled_by_channels = 62},
    {.name = "phi3", .family = Family::phi3},
    {.name = "gpt2", .family = Family::gpt2},
    {.name = "gptneox", .family = Family::gpt_neox},
    {.name = "olmo2", .family = Family::olmo2},
    {.name = "starcoder2", .family = Family::starcoder2},
    {.name = "granite", .family = Family::granite, .paired_rows = true, .frequency_factors = true},
});

/// Encoders: their files lack the head that predicts tokens.
constexpr auto kEncoders =
    std::to_array<std::string_view>({"bert", "modern-bert", "nomic-bert", "nomic-bert-moe", "jina-bert-v2", "jina-bert-v3",
                                     "neo-bert", "eurobert", "gemma-embedding", "llama-embed", "t5encoder"});

using Pair = std::pair<const char*, const char*>;

/// Returns the names of a family's tensors in folders and in GGUF files, both without endings and bases.
std::vector<Pair> tensor_pairs(const TensorNames& names) {
  const bool fused_qkv = names.qkv[1] == nullptr;
  std::vector<Pair> pairs = {{names.tokens, "token_embd"},
                             {names.positions, "position_embd"},
                             {names.attention_norm, "blk.*.attn_norm"},
                             {names.qkv[0], fused_qkv ? "blk.*.attn_qkv" : "blk.*.attn_q"},
                             {names.qkv[1], "blk.*.attn_k"},
                             {names.qkv[2], "blk.*.attn_v"},
                             {names.q_norm, "blk.*.attn_q_norm"},
                             {names.k_norm, "blk.*.attn_k_norm"},
                             {names.projection, "blk.*.attn_output"},
                             {names.attention_post_norm, "blk.*.post_attention_norm"},
                             {names.ffn_norm, "blk.*.ffn_norm"},
                             {names.up[0], names.up[1] == nullptr ? "blk.*.ffn_up" : "blk.*.ffn_gate"},
                             {names.up[1], "blk.*.ffn_up"},
                             {names.down, "blk.*.ffn_down"},
                             {names.ffn_post_norm, "blk.*.post_ffw_norm"},
                             {names.final_norm, "output_norm"},
                             {names.head, "output"}};
  std::erase_if(pairs, [](const Pair& pair) { return pair.first == nullptr; });
  return pairs;
}

/// Returns what stands in the place of the star if `text` is of that pattern; empty if it is not.
std::string_view layer_number(std::string_view pattern, std::string_view text) {
  const std::size_t star = pattern.find('*');
  const std::string_view before = pattern.substr(0, star), after = pattern.substr(star + 1);
  if (text.size() <= before.size() + after.size() || !text.starts_with(before) || !text.ends_with(after)) return {};
  const std::string_view number = text.substr(before.size(), text.size() - before.size() - after.size());
  return number.find_first_not_of("0123456789") == std::string_view::npos ? number : std::string_view();
}

/// Returns a stem of a folder as GGUF files have it; empty if it is not of this pair.
std::string translated(const Pair& pair, std::string_view stem) {
  const std::string_view ours = pair.first, theirs = pair.second;
  if (ours.find('*') == std::string_view::npos) return stem == ours ? std::string(theirs) : std::string();
  const std::string_view number = layer_number(ours, stem);
  if (number.empty()) return {};
  const std::size_t star = theirs.find('*');
  return std::string(theirs.substr(0, star)) + std::string(number) + std::string(theirs.substr(star + 1));
}

}  // namespace

const GgufArchitecture& find_gguf_architecture(std::string_view name, std::string_view source) {
  const auto* found = std::find_if(kArchitectures.begin(), kArchitectures.end(),
                                   [&](const GgufArchitecture& known) { return known.name == name; });
  if (found != kArchitectures.end()) return *found;
  const std::string about = "cannot use '" + std::string(source) + "': its architecture (general.architecture) is " +
                            json_quote(name.substr(0, 100));
  if (std::find(kEncoders.begin(), kEncoders.end(), name) != kEncoders.end()) {
    throw Error(about + ", and GGUF files of encoders hold no head that predicts tokens; give the Hugging Face folder " +
                "that it was made from");
  }
  std::string list;
  for (const GgufArchitecture& known : kArchitectures) list += (list.empty() ? "" : ", ") + std::string(known.name);
  throw Error(about + "; known are " + list);
}

std::string gguf_tensor_name(Family family, std::string_view name) {
  const TensorNames& names = tensor_names(family);
  const std::size_t dot = name.rfind('.');
  if (dot == std::string_view::npos) return {};
  std::string_view stem = name.substr(0, dot);
  const std::string_view ending = name.substr(dot), base = names.base;
  if (stem != names.head && stem.starts_with(base)) stem.remove_prefix(base.size());
  for (const Pair& pair : tensor_pairs(names)) {
    if (std::string found = translated(pair, stem); !found.empty()) return found + std::string(ending);
  }
  return {};
}

}  // namespace lm
