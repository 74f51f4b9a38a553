#include "text/unigram/unigram.h"

#include <doctest/doctest.h>

#include "text/tokenizer.h"

using Ids = std::vector<lm::TokenId>;

// With the nearest doubles of these scores it would be 1, 1, 2: the sums of both ways differ in their last bit only.
TEST_CASE("scores are what Hugging Face's library reads, so that equal ways to cut a run tie as there") {
  const lm::Tokenizer tokenizer = lm::Tokenizer::from_json(
      R"({"version":"1.0","added_tokens":[],"model":{"type":"Unigram","unk_id":0,"byte_fallback":false,"vocab":[["<unk>",0.0],)"
      R"(["-",-9.403092384338379],["----",-11.542301177978516],["--------",-10.2913236618042]]}})",
      "scores", {.end_of_text = "<unk>"});
  CHECK(tokenizer.encode("------") == Ids{1, 2, 1});
}
