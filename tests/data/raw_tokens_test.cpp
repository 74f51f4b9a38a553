#include "data/raw_tokens.h"

#include <doctest/doctest.h>
#include <fcntl.h>

#include <fstream>
#include <functional>
#include <string>
#include <vector>

#include "base/error.h"
#include "support/refusal.h"
#include "support/test_data.h"

namespace lm {

namespace {

using test::contains;
using test::refusal;

TokenFileInfo raw_info_of(std::int64_t vocab_size) {
  return {.vocab_size = vocab_size, .end_of_text = 0, .fingerprint = {}, .tokens = {}, .documents = {}};
}

void write_raw_file(const std::string& path, RawFormat format, std::int64_t vocab_size, const std::vector<TokenId>& tokens) {
  const auto output = open_output(path);
  RawTokenWriter writer(*output, format, raw_info_of(vocab_size));
  writer.write(tokens);
  writer.finish();
  output->close();
}

std::vector<TokenId> read_file(const std::string& path, RawFormat format, std::int64_t vocab_size) {
  RawTokenReader reader(open_input(path), format, raw_info_of(vocab_size));
  std::vector<TokenId> tokens;
  std::vector<TokenId> piece(7);
  while (const std::size_t count = reader.read(piece)) {
    tokens.insert(tokens.end(), piece.begin(), piece.begin() + static_cast<std::ptrdiff_t>(count));
  }
  return tokens;
}

}  // namespace

TEST_CASE("ids come back the same in every format") {
  const test::TemporaryFolder folder;
  std::vector<TokenId> tokens;
  for (TokenId i = 0; i < 50000; ++i) tokens.push_back(i * 7 % 65536);
  for (const RawFormat format : {RawFormat::uint16, RawFormat::uint32, RawFormat::llmc}) {
    write_raw_file(folder.path("a"), format, 65536, tokens);
    CHECK((read_file(folder.path("a"), format, 65536) == tokens));
  }
  tokens.push_back(70000);
  for (const RawFormat format : {RawFormat::uint32, RawFormat::llmc}) {
    write_raw_file(folder.path("a"), format, 70001, tokens);
    CHECK((read_file(folder.path("a"), format, 70001) == tokens));
  }
}

TEST_CASE("the bytes are those that numpy and llm.c write") {
  const test::TemporaryFolder folder;
  write_raw_file(folder.path("a"), RawFormat::uint16, 50257, {1, 50256});
  CHECK(test::read_file(folder.path("a")) == std::string("\x01\x00\x50\xc4", 4));
  write_raw_file(folder.path("a"), RawFormat::uint32, 50257, {1, 50256});
  CHECK(test::read_file(folder.path("a")) == std::string("\x01\x00\x00\x00\x50\xc4\x00\x00", 8));
  write_raw_file(folder.path("a"), RawFormat::llmc, 50257, {1, 50256});
  CHECK((test::read_file(folder.path("a")) == std::string("\x88\xd8\x34\x01\x01\x00\x00\x00\x02\x00\x00\x00", 12) +
                                                  std::string(1012, '\0') + std::string("\x01\x00\x50\xc4", 4)));
  write_raw_file(folder.path("a"), RawFormat::llmc, 128256, {1, 128000});
  CHECK((test::read_file(folder.path("a")) == std::string("\xa1\xd9\x34\x01\x07\x00\x00\x00\x02\x00\x00\x00", 12) +
                                                  std::string(1012, '\0') +
                                                  std::string("\x01\x00\x00\x00\x00\xf4\x01\x00", 8)));
}

TEST_CASE("what does not fit or was cut short is refused") {
  const test::TemporaryFolder folder;
  const auto read_cut = [&](RawFormat format, std::size_t cut, const std::string& more = "") {
    const std::string bytes = test::read_file(folder.path("a"));
    std::ofstream(folder.path("c"), std::ios::binary) << bytes.substr(0, bytes.size() - cut) << more;
    return refusal([&] { read_file(folder.path("c"), format, 300); });
  };
  write_raw_file(folder.path("a"), RawFormat::uint16, 300, {1, 299});
  CHECK(contains(read_cut(RawFormat::uint16, 1), "ends inside a token"));
  CHECK(contains(refusal([&] { read_file(folder.path("a"), RawFormat::uint16, 299); }),
                 "has the token id 299, outside the vocabulary of 299"));
  write_raw_file(folder.path("a"), RawFormat::llmc, 300, {1, 299});
  CHECK(contains(read_cut(RawFormat::llmc, 2), "has 1 tokens, but its header says 2"));
  CHECK(contains(read_cut(RawFormat::llmc, 0, "xx"), "outside the vocabulary"));
  CHECK(contains(read_cut(RawFormat::llmc, 0, std::string(2, '\0')), "has 3 tokens, but its header says 2"));
  CHECK(contains(read_cut(RawFormat::llmc, 100), "shorter than llm.c's header"));
  write_raw_file(folder.path("a"), RawFormat::uint16, 300, std::vector<TokenId>(600, 1));
  CHECK(contains(read_cut(RawFormat::llmc, 0), "no file of llm.c"));
  CHECK(
      contains(refusal([&] { write_raw_file(folder.path("b"), RawFormat::uint16, 65537, {}); }), "do not fit into 16 bits"));
  CHECK(contains(refusal([&] { write_raw_file(folder.path("b"), RawFormat::uint32, 300, {300}); }), "has the token id 300"));
}

TEST_CASE("the tokens before one outside the vocabulary are read") {
  const test::TemporaryFolder folder;
  write_raw_file(folder.path("a"), RawFormat::uint16, 300, {1, 2, 299, 3});
  RawTokenReader reader(open_input(folder.path("a")), RawFormat::uint16, raw_info_of(299));
  std::vector<TokenId> tokens(4);
  CHECK(reader.read(tokens) == 2);
  CHECK(contains(refusal([&] { reader.read(tokens); }), "outside the vocabulary"));
}

TEST_CASE("a document ends with the end-of-text") {
  const test::TemporaryFolder folder;
  const auto output = open_output(folder.path("a"));
  RawTokenWriter writer(*output, RawFormat::uint16, raw_info_of(300));
  writer.write(std::vector<TokenId>{7});
  writer.end_document();
  writer.end_document();
  writer.finish();
  output->close();
  CHECK((read_file(folder.path("a"), RawFormat::uint16, 300) == std::vector<TokenId>{7, 0, 0}));
}

TEST_CASE("llm.c's format does not go to a pipe, which cannot be patched") {
  const auto output = output_to({open("/dev/null", O_WRONLY), "pipe"});
  CHECK(contains(refusal([&] { RawTokenWriter(*output, RawFormat::llmc, raw_info_of(300)); }), "states its length first"));
}

}  // namespace lm
