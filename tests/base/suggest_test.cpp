#include "base/suggest.h"

#include <doctest/doctest.h>

using namespace lm;

TEST_CASE("a word that is not known is taken for the nearest ones, and for none if nothing is near") {
  const std::vector<std::string> known = {"vocab-size", "temperature", "valid", "valid-every", "causal", "llama", "jsonl"};
  using Words = std::vector<std::string>;
  CHECK(similar_words("vocab_size", known) == Words{"vocab-size"});
  CHECK(similar_words("Vocab-Size", known) == Words{"vocab-size"});
  CHECK(similar_words("temp", known) == Words{"temperature"});
  CHECK(similar_words("temprature", known) == Words{"temperature"});
  CHECK(similar_words("casual", known) == Words{"causal"});
  CHECK(similar_words("lama", known) == Words{"llama"});
  CHECK(similar_words("vali", known) == Words{"valid", "valid-every"});
  CHECK(similar_words("jsonlines", known) == Words{"jsonl"});
  for (const char* far : {"", "v", "x", "no-such-option", "family", "zzzzz"}) {
    CAPTURE(far);
    CHECK(similar_words(far, known).empty());
  }
  CHECK(similar_words(std::string(100000, 'v'), known).empty());
}

TEST_CASE("a message ends with the suggestion, if there is one") {
  CHECK(did_you_mean({}).empty());
  CHECK(did_you_mean({"a"}) == "; did you mean 'a'?");
  CHECK(did_you_mean({"a", "b", "c"}) == "; did you mean 'a', 'b' or 'c'?");
  CHECK(unknown_word("schedule", "cosin", {"wsd", "cosine"}) ==
        "unknown schedule 'cosin'; known: wsd, cosine; did you mean 'cosine'?");
  CHECK(unknown_word("schedule", "x", {"wsd", "cosine"}) == "unknown schedule 'x'; known: wsd, cosine");
}
