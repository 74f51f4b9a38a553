// Which type each tensor of a GGUF file gets: the mixes and fallbacks of llama.cpp's llama-quantize.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/choice.h"
#include "base/ggml_type.h"

namespace lm {

/// What --type names. q4_k is the mix that llama-quantize calls Q4_K_M.
enum class GgufFileType { f32, f16, bf16, q8_0, q4_0, q4_k, q6_k };
template <>
inline constexpr auto kChoices<GgufFileType> = choice_table<GgufFileType>("type of weights", {{"f32", GgufFileType::f32},
                                                                                              {"f16", GgufFileType::f16},
                                                                                              {"bf16", GgufFileType::bf16},
                                                                                              {"q8_0", GgufFileType::q8_0},
                                                                                              {"q4_0", GgufFileType::q4_0},
                                                                                              {"q4_k", GgufFileType::q4_k},
                                                                                              {"q6_k", GgufFileType::q6_k}});

/// Returns general.file_type of such a file.
std::uint32_t gguf_file_type_number(GgufFileType type);

/// What the choice depends on, beside the tensor.
struct GgufMix {
  GgufFileType type = GgufFileType::f32;
  std::int64_t n_layers = 0;
  bool tied = false;  // no tensor is called output.weight, so that token_embd.weight is the head
  bool has_importance = false;
};

struct GgufChoice {
  GgmlType type = GgmlType::f32;
  GgmlType wanted = GgmlType::f32;  // what it would be if the rows were whole blocks of that
};

/// Returns the type of a tensor of that name, of `rank` dimensions and rows of `columns` values.
GgufChoice choose_gguf_type(const GgufMix& mix, std::string_view name, int rank, std::int64_t columns);

}  // namespace lm
