#include "base/ggml_type.h"

#include <doctest/doctest.h>

using namespace lm;

TEST_CASE("ggml's types are found by number and by name in any case") {
  REQUIRE(find_ggml_type(12U) != nullptr);
  CHECK(find_ggml_type(12U)->name == "Q4_K");
  CHECK(find_ggml_type(4U) == nullptr);
  REQUIRE(find_ggml_type("q4_k") != nullptr);
  CHECK(find_ggml_type("q4_k")->type == GgmlType::q4_k);
  CHECK(find_ggml_type("Q4_K")->values == 256);
  CHECK(find_ggml_type("q4_k_m") == nullptr);
  CHECK(find_ggml_type("") == nullptr);
  CHECK(facts_of(GgmlType::mxfp4).bytes == 17);
  CHECK(to_string(GgmlType::bf16) == "BF16");
}
