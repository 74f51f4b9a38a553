// How tensors are stored in GGUF files: plain numbers, and blocks of quantized ones.
#pragma once

#include <cstdint>
#include <string_view>

namespace lm {

/// The types that ggml knows, with its numbers. What a block of each holds: ggml-common.h of ggml.
enum class GgmlType : std::uint32_t {
  f32 = 0,
  f16 = 1,
  q4_0 = 2,
  q4_1 = 3,
  q5_0 = 6,
  q5_1 = 7,
  q8_0 = 8,
  q8_1 = 9,
  q2_k = 10,
  q3_k = 11,
  q4_k = 12,
  q5_k = 13,
  q6_k = 14,
  q8_k = 15,
  iq2_xxs = 16,
  iq2_xs = 17,
  iq3_xxs = 18,
  iq1_s = 19,
  iq4_nl = 20,
  iq3_s = 21,
  iq2_s = 22,
  iq4_xs = 23,
  i8 = 24,
  i16 = 25,
  i32 = 26,
  i64 = 27,
  f64 = 28,
  iq1_m = 29,
  bf16 = 30,
  tq1_0 = 34,
  tq2_0 = 35,
  mxfp4 = 39,
  nvfp4 = 40,
  q1_0 = 41,
  q2_0 = 42
};

struct GgmlTypeFacts {
  GgmlType type = GgmlType::f32;
  std::string_view name;    // as people and programs write it: "Q4_K"
  std::int64_t values = 1;  // of a block; a row is a whole number of blocks
  std::int64_t bytes = 4;   // of a block

  /// Returns the bytes of so many values, whole blocks of them.
  std::int64_t bytes_of(std::int64_t count) const { return count / values * bytes; }
};

/// Return the facts of a type by its number, or by its name in any case; null for an unknown one.
const GgmlTypeFacts* find_ggml_type(std::uint32_t number);
const GgmlTypeFacts* find_ggml_type(std::string_view name);
/// Returns the facts of a type.
const GgmlTypeFacts& facts_of(GgmlType type);
inline std::string_view to_string(GgmlType type) { return facts_of(type).name; }

}  // namespace lm
