#include "data/text_tokens.h"

#include <doctest/doctest.h>

#include <fstream>
#include <string>
#include <vector>

#include "support/refusal.h"
#include "support/test_data.h"

namespace lm {

namespace {

using test::contains;
using test::refusal;

const TokenFileInfo kInfo = {.vocab_size = 300, .end_of_text = 9, .fingerprint = {}, .tokens = {}, .documents = {}};

std::vector<TokenId> read_ids(const std::string& text, std::size_t at_once = 2) {
  const test::TemporaryFolder folder;
  std::ofstream(folder.path("a"), std::ios::binary) << text;
  IdReader reader(open_input(folder.path("a")), kInfo);
  std::vector<TokenId> tokens, piece(at_once);
  while (const std::size_t count = reader.read(piece)) {
    tokens.insert(tokens.end(), piece.begin(), piece.begin() + static_cast<std::ptrdiff_t>(count));
  }
  return tokens;
}

/// Names each byte, so that any id can be written.
class LetterCodec final : public TokenCodec {
 public:
  std::string_view bytes_of(TokenId id) const override { return std::string_view("abc\"\xff").substr(id, 1); }
  std::vector<TokenId> encode(std::string_view) const override { return {}; }
};

/// What a writer makes of a document of three tokens, an empty one, and one that is not closed.
template <class Write>
std::string written(Write&& make_writer) {
  const test::TemporaryFolder folder;
  const auto output = open_output(folder.path("a"));
  auto writer = make_writer(*output);
  writer.write(std::vector<TokenId>{0, 1});
  writer.write(std::vector<TokenId>{3});
  writer.end_document();
  writer.end_document();
  writer.write(std::vector<TokenId>{4});
  writer.finish();
  output->close();
  return test::read_file(folder.path("a"));
}

}  // namespace

TEST_CASE("ids in decimal, and the end of each line is the end of a document") {
  const std::vector<TokenId> expected = {1, 22, 9, 9, 299, 3, 9};
  for (const char* text : {"1 22\n\n299 3\n", "1,22\n\n299\t3", "1 , 22\r\n\n 299 3 \n"}) {
    for (const std::size_t at_once : {1, 2, 100}) {
      CAPTURE(text);
      CHECK((read_ids(text, at_once) == expected));
    }
  }
  CHECK(read_ids("").empty());
  CHECK((read_ids("9 1") == std::vector<TokenId>{9, 1, 9}));
}

TEST_CASE("what is no id of the vocabulary is refused") {
  CHECK(contains(refusal([] { read_ids("1\n2 x\n"); }), "line 2 is not token ids in decimal"));
  CHECK(contains(refusal([] { read_ids("4294967296"); }), "is not token ids in decimal"));
  CHECK(contains(refusal([] { read_ids("1 300\n"); }), "has the token id 300, outside the vocabulary of 300"));
}

TEST_CASE("ids and pieces are a document a line") {
  CHECK(written([](OutputStream& output) { return IdWriter(output); }) == "0 1 3\n\n4\n");
  const LetterCodec codec;
  CHECK(written([&](OutputStream& output) { return PieceWriter(output, codec); }) ==
        "[\"a\",\"b\",\"\\\"\"]\n[]\n[\"\xef\xbf\xbd\"]\n");
}

}  // namespace lm
