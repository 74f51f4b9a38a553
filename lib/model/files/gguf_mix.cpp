#include "model/files/gguf_mix.h"

#include <charconv>

#include "base/error.h"

namespace lm {

namespace {

/// Returns the type that most matrices of such a file have.
GgmlType main_type(GgufFileType type) {
  switch (type) {
    case GgufFileType::f32:
      return GgmlType::f32;
    case GgufFileType::f16:
      return GgmlType::f16;
    case GgufFileType::bf16:
      return GgmlType::bf16;
    case GgufFileType::q8_0:
      return GgmlType::q8_0;
    case GgufFileType::q4_0:
      return GgmlType::q4_0;
    case GgufFileType::q4_k:
      return GgmlType::q4_k;
    case GgufFileType::q6_k:
      return GgmlType::q6_k;
  }
  throw InternalError("a file type without a type");
}

bool is_plain(GgmlType type) { return type == GgmlType::f32 || type == GgmlType::f16 || type == GgmlType::bf16; }

bool contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

/// Returns the number in "blk.N."; 0 for other names.
std::int64_t layer_of(std::string_view name) {
  constexpr std::string_view kBlock = "blk.";
  std::int64_t layer = 0;
  if (name.starts_with(kBlock)) std::from_chars(name.data() + kBlock.size(), name.data() + name.size(), layer);
  return layer;
}

/// Returns whether a layer's most sensitive matrices get more bits: the first and last eighth, and every third between.
bool is_sensitive(std::int64_t layer, std::int64_t n_layers) {
  const std::int64_t eighth = n_layers / 8;
  return layer < eighth || layer >= 7 * n_layers / 8 || (layer - eighth) % 3 == 2;
}

/// Returns the type that a matrix gets in a quantized file, whatever its rows.
GgmlType mixed_type(const GgufMix& mix, std::string_view name, std::int64_t columns) {
  const GgmlType main = main_type(mix.type);
  const bool is_head = name == "output.weight" || (mix.tied && name == "token_embd.weight");
  if (is_head) {
    const bool fits = columns % facts_of(main).values == 0;
    return !fits || main == GgmlType::q8_0 ? GgmlType::q8_0 : GgmlType::q6_k;
  }
  const std::int64_t layer = layer_of(name);
  const bool is_value = contains(name, "attn_v.weight") || contains(name, "attn_qkv.weight");
  const bool is_down = contains(name, "ffn_down");
  if (mix.type == GgufFileType::q4_k && (is_value || is_down) && is_sensitive(layer, mix.n_layers)) return GgmlType::q6_k;
  // The outputs of the first layers are too uneven for a type without a least value, if errors are weighted.
  if (mix.type == GgufFileType::q4_0 && mix.has_importance && is_down && layer < mix.n_layers / 8) return GgmlType::q4_1;
  return main;
}

/// Returns the type for rows that are no whole blocks of 256, or of 32.
GgmlType fallback_of(GgmlType type, std::int64_t columns) {
  GgmlType smaller = type;
  if (type == GgmlType::q4_k) smaller = GgmlType::q5_0;
  if (type == GgmlType::q6_k) smaller = GgmlType::q8_0;
  return columns % facts_of(smaller).values == 0 ? smaller : GgmlType::f16;
}

}  // namespace

std::uint32_t gguf_file_type_number(GgufFileType type) {
  switch (type) {
    case GgufFileType::f32:
      return 0;
    case GgufFileType::f16:
      return 1;
    case GgufFileType::q4_0:
      return 2;
    case GgufFileType::q8_0:
      return 7;
    case GgufFileType::q4_k:
      return 15;
    case GgufFileType::q6_k:
      return 18;
    case GgufFileType::bf16:
      return 32;
  }
  throw InternalError("a file type without a number");
}

GgufChoice choose_gguf_type(const GgufMix& mix, std::string_view name, int rank, std::int64_t columns) {
  const bool is_matrix =
      rank > 1 && name.ends_with(".weight") && !name.ends_with("_norm.weight") && name != "position_embd.weight";
  if (!is_matrix) return {};
  const GgmlType main = main_type(mix.type), wanted = is_plain(main) ? main : mixed_type(mix, name, columns);
  const bool fits = columns % facts_of(wanted).values == 0;
  return {.type = fits ? wanted : fallback_of(wanted, columns), .wanted = wanted};
}

}  // namespace lm
