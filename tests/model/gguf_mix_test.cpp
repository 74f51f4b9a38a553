// Types of tensors: the expected ones are those of llama-quantize (tests/conformance asks it).
#include "model/files/gguf_mix.h"

#include <doctest/doctest.h>

#include <string>

using namespace lm;

namespace {

GgmlType type_in(GgufMix mix, const std::string& name, std::int64_t columns = 256, int rank = 2) {
  mix.n_layers = 16;
  return choose_gguf_type(mix, name, rank, columns).type;
}

}  // namespace

TEST_CASE("vectors, norms and positions keep 32 bits") {
  for (const GgufFileType type : {GgufFileType::f16, GgufFileType::q8_0, GgufFileType::q4_k}) {
    const GgufMix mix{.type = type};
    CHECK(type_in(mix, "blk.0.attn_norm.weight", 256, 1) == GgmlType::f32);
    CHECK(type_in(mix, "blk.0.attn_q.bias", 256, 1) == GgmlType::f32);
    CHECK(type_in(mix, "position_embd.weight") == GgmlType::f32);
    CHECK(type_in(mix, "blk.0.attn_q.weight") != GgmlType::f32);
  }
}

TEST_CASE("what predicts tokens has more bits") {
  const GgufMix own{.type = GgufFileType::q4_0}, tied{.type = GgufFileType::q4_0, .tied = true};
  CHECK(type_in(own, "output.weight") == GgmlType::q6_k);
  CHECK(type_in(own, "token_embd.weight") == GgmlType::q4_0);
  CHECK(type_in(tied, "token_embd.weight") == GgmlType::q6_k);
  CHECK(type_in({.type = GgufFileType::q8_0, .tied = true}, "token_embd.weight") == GgmlType::q8_0);
  CHECK(type_in({.type = GgufFileType::f16, .tied = true}, "token_embd.weight") == GgmlType::f16);
}

TEST_CASE("q4_k has 6 bits in the first and last eighth of the layers and in every third between") {
  const GgufMix mix{.type = GgufFileType::q4_k};
  std::string six;
  for (int layer = 0; layer < 16; ++layer) {
    const std::string block = "blk." + std::to_string(layer) + ".";
    if (type_in(mix, block + "ffn_down.weight") == GgmlType::q6_k) six += std::to_string(layer) + " ";
    CHECK(type_in(mix, block + "ffn_down.weight") == type_in(mix, block + "attn_v.weight"));
    CHECK(type_in(mix, block + "ffn_down.weight") == type_in(mix, block + "attn_qkv.weight"));
    CHECK(type_in(mix, block + "attn_q.weight") == GgmlType::q4_k);
    CHECK(type_in(mix, block + "ffn_up.weight") == GgmlType::q4_k);
  }
  CHECK(six == "0 1 4 7 10 13 14 15 ");
}

TEST_CASE("q4_0 with importance has q4_1 where outputs are uneven") {
  const GgufMix mix{.type = GgufFileType::q4_0, .has_importance = true};
  CHECK(type_in(mix, "blk.1.ffn_down.weight") == GgmlType::q4_1);
  CHECK(type_in(mix, "blk.2.ffn_down.weight") == GgmlType::q4_0);
  CHECK(type_in({.type = GgufFileType::q4_0}, "blk.1.ffn_down.weight") == GgmlType::q4_0);
}

TEST_CASE("rows that are no whole blocks become another type") {
  const GgufMix k{.type = GgufFileType::q4_k, .tied = true};
  CHECK(type_in(k, "blk.3.attn_q.weight", 288) == GgmlType::q5_0);
  CHECK(type_in(k, "blk.0.ffn_down.weight", 288) == GgmlType::q8_0);
  CHECK(type_in(k, "token_embd.weight", 288) == GgmlType::q8_0);
  CHECK(type_in(k, "blk.3.attn_q.weight", 24) == GgmlType::f16);
  const GgufMix q4{.type = GgufFileType::q4_0, .tied = true};
  CHECK(type_in(q4, "token_embd.weight", 288) == GgmlType::q8_0);  // of q6_k
  CHECK(type_in(q4, "token_embd.weight", 24) == GgmlType::f16);
  CHECK(type_in(q4, "blk.0.attn_q.weight", 24) == GgmlType::f16);
  const GgufChoice choice = choose_gguf_type(k, "blk.3.attn_q.weight", 2, 288);
  CHECK(choice.wanted == GgmlType::q4_k);
}
