// What is written of tokenizers of other kinds: it is read as the same tokenizer, or nothing is written.
#include <doctest/doctest.h>

#include <fstream>
#include <string>
#include <vector>

#include "base/error.h"
#include "support/gguf_file.h"
#include "support/refusal.h"
#include "support/test_data.h"
#include "text/tokenizer.h"

using namespace lm;

namespace {

/// Returns the tokenizer of a GGUF file of BERT's kind.
Tokenizer bert(const std::vector<std::string>& tokens, std::uint32_t unknown) {
  const test::TemporaryFolder folder;
  test::GgufBuilder builder;
  builder.string("tokenizer.ggml.model", "bert").strings("tokenizer.ggml.tokens", tokens);
  builder.integers("tokenizer.ggml.token_type", std::vector<std::int32_t>(tokens.size(), 1));
  builder.number("tokenizer.ggml.unknown_token_id", unknown).number("tokenizer.ggml.seperator_token_id", 1);
  std::ofstream(folder.path("a.gguf"), std::ios::binary) << builder.file();
  return Tokenizer::load(folder.path("a.gguf"));
}

}  // namespace

TEST_CASE("an unknown token that is an ordinary one is written as the vocabulary spells it") {
  const Tokenizer tokenizer = bert({"[PAD]", "[SEP]", "\xE2\x96\x81th", "th"}, 3);
  const Tokenizer read = Tokenizer::from_json(tokenizer.to_json(), "f");
  CHECK(read.unknown_token() == 3);
  CHECK(read.fingerprint() == tokenizer.fingerprint());
}

TEST_CASE("a token that a tokenizer.json cannot spell is an error") {
  CHECK(test::contains(test::refusal([&] { bert({"[PAD]", "[SEP]", "\xFF"}, 1).to_json(); }), "its token 2 is not UTF-8"));
  CHECK(test::contains(test::refusal([&] { bert({"[PAD]", "[SEP]", "\xE2\x96\x81"}, 1).to_json(); }), "spelled by nothing"));
}
