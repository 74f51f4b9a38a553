#include "data/token_file.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "base/error.h"
#include "base/rng.h"
#include "support/refusal.h"
#include "support/test_data.h"

namespace lm {

namespace {

using test::contains;
using test::refusal;

TokenFileInfo info_of(std::int64_t vocab_size, TokenId end_of_text = 0) {
  TokenFileInfo info;
  info.vocab_size = vocab_size;
  info.end_of_text = end_of_text;
  info.fingerprint = {.low = 0x0123456789abcdef, .high = 0xfedcba9876543210};
  return info;
}

std::vector<TokenId> random_tokens(std::size_t count, std::int64_t vocab_size) {
  Rng rng(3, RngPurpose::test);
  std::vector<TokenId> tokens(count);
  for (TokenId& token : tokens) token = static_cast<TokenId>(rng.below(static_cast<std::uint64_t>(vocab_size)));
  return tokens;
}

// Removed first: overwriting makes some file systems flush to the disk, thousands of times here.
void put(const std::string& path, std::string_view bytes) {
  std::filesystem::remove(path);
  std::ofstream(path, std::ios::binary) << bytes;
}

void write_stream(OutputStream& output, const std::vector<TokenId>& tokens, const TokenFileInfo& info) {
  TokenWriter writer(output, info);
  writer.write(tokens);
  writer.finish();
  output.close();
}

void write_file(const std::string& path, const std::vector<TokenId>& tokens, const TokenFileInfo& info) {
  write_stream(*open_output(path), tokens, info);
}

// What a program writes if its output cannot be patched.
void write_unpatched(const std::string& path, const std::vector<TokenId>& tokens, const TokenFileInfo& info) {
  write_stream(*output_to({open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600), path}), tokens, info);
}

std::vector<TokenId> read_stream(FileDescriptor input, std::size_t at_once = 1000, std::string_view already_read = {}) {
  TokenReader reader(std::move(input), already_read);
  std::vector<TokenId> tokens;
  std::vector<TokenId> piece(at_once);
  while (const std::size_t count = reader.read(piece))
    tokens.insert(tokens.end(), piece.begin(), piece.begin() + static_cast<std::ptrdiff_t>(count));
  return tokens;
}

std::vector<TokenId> read_whole(const std::string& path, const std::string& folder) {
  TokenFile file = TokenFile::open(path, folder);
  file.verify();
  std::vector<TokenId> tokens(static_cast<std::size_t>(file.size()));
  file.tokens(0, tokens);
  return tokens;
}

// A pipe that gives `bytes` in pieces.
class Feed {
 public:
  explicit Feed(std::string bytes, std::size_t piece = 100000) {
    int ends[2];
    REQUIRE(pipe(ends) == 0);
    read_end_ = FileDescriptor(ends[0], "pipe");
    writer_ = std::thread([bytes = std::move(bytes), piece, end = ends[1]] {
      std::size_t done = 0;
      while (done < bytes.size()) {
        const ssize_t count = ::write(end, bytes.data() + done, std::min(piece, bytes.size() - done));
        if (count <= 0) break;
        done += static_cast<std::size_t>(count);
      }
      close(end);
    });
  }
  ~Feed() { writer_.join(); }
  FileDescriptor take() { return std::move(read_end_); }

 private:
  FileDescriptor read_end_;
  std::thread writer_;
};

}  // namespace

TEST_CASE("tokens come back the same from a file, a pipe in pieces of any size, and a spooled pipe") {
  const test::TemporaryFolder folder;
  for (const std::int64_t vocab_size : {1, 300, 65536, 65537, 200000}) {
    for (const std::size_t count : {0, 1, 2, 15, 16, 17, 1000, 70000}) {
      const std::vector<TokenId> tokens = random_tokens(count, vocab_size);
      const auto documents = std::count(tokens.begin(), tokens.end(), TokenId{0});
      write_file(folder.path("a"), tokens, info_of(vocab_size));
      write_unpatched(folder.path("b"), tokens, info_of(vocab_size));
      for (const char* name : {"a", "b"}) {
        CHECK((read_whole(folder.path(name), folder.path("")) == tokens));
        CHECK((read_stream(open_input(folder.path(name))) == tokens));
        CHECK(TokenFile::open(folder.path(name), "").documents() == documents);
      }
      Feed pipe(test::read_file(folder.path("b")), count < 2000 ? 7 : 5001);
      TokenFile spooled = TokenFile::open(pipe.take(), folder.path(""));
      CHECK(spooled.size() == static_cast<std::int64_t>(count));
      CHECK(spooled.info().documents == documents);
      CHECK(spooled.hash() == TokenFile::open(folder.path("a"), "").hash());
      std::vector<TokenId> out(count);
      spooled.tokens(0, out);
      CHECK((out == tokens));
    }
  }
  CHECK(std::distance(std::filesystem::directory_iterator(folder.path("")), {}) == 2);  // the spool has no name
}

TEST_CASE("a file has its counts in the header, a stream that cannot be patched does not") {
  const test::TemporaryFolder folder;
  write_file(folder.path("a"), {5, 0, 0, 7, 0}, info_of(300));
  write_unpatched(folder.path("b"), {5, 0, 0, 7, 0}, info_of(300));
  const TokenReader a(open_input(folder.path("a")));
  CHECK(a.info().tokens == 5);
  CHECK(a.info().documents == 3);
  CHECK(a.info().fingerprint == info_of(300).fingerprint);
  const TokenReader b(open_input(folder.path("b")));
  CHECK_FALSE(b.info().tokens);
  CHECK_FALSE(b.info().documents);
}

TEST_CASE("the bytes are those of lm-tokens(5)") {
  const test::TemporaryFolder folder;
  write_file(folder.path("a"), {0x0102, 7}, info_of(300, 7));
  const std::string bytes = test::read_file(folder.path("a"));
  std::string expected("lm-tokens 1\n\0\0\0\0", 16);
  expected += std::string("\2\0\0\0\x2c\1\0\0\7\0\0\0\0\0\0\0", 16);
  expected += "\xef\xcd\xab\x89\x67\x45\x23\x01\x10\x32\x54\x76\x98\xba\xdc\xfe";
  expected += std::string(16, '\0');
  expected += std::string("\2\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0", 16);
  expected += std::string(48, '\0');
  expected += std::string("\2\1\7\0", 4);
  expected += std::string("lm-tokens end\n\0\0", 16);
  expected += std::string("\2\0\0\0\0\0\0\0", 8);
  CHECK((bytes.substr(0, bytes.size() - 8) == expected));
}

TEST_CASE("documents end at their end-of-text, empty ones too") {
  const test::TemporaryFolder folder;
  const auto output = open_output(folder.path("a"));
  TokenWriter writer(*output, info_of(300, 9));
  writer.write(std::vector<TokenId>{1, 2});
  writer.end_document();
  writer.end_document();
  writer.write(std::vector<TokenId>{3});
  writer.end_document();
  writer.finish();
  output->close();
  CHECK(writer.tokens() == 6);
  CHECK(writer.documents() == 3);
  TokenFile file = TokenFile::open(folder.path("a"), "");
  CHECK(file.documents() == 3);
  CHECK(file.end_of_document(0) == 3);
  CHECK(file.end_of_document(1) == 4);
  CHECK(file.end_of_document(2) == 6);
  CHECK(file.end_of_document(3) == 6);
}

TEST_CASE("what begins like a token stream is distinguished from text by its first bytes, which can be handed back") {
  const test::TemporaryFolder folder;
  const std::vector<TokenId> tokens = random_tokens(500, 300);
  write_file(folder.path("a"), tokens, info_of(300));
  const std::string bytes = test::read_file(folder.path("a"));
  CHECK(is_token_stream(bytes.substr(0, kTokenMagicSize)));
  CHECK_FALSE(is_token_stream("lm-tokens"));
  CHECK_FALSE(is_token_stream("Call me Ishmael."));
  CHECK_FALSE(is_token_stream(""));
  for (const std::size_t taken : {std::size_t{1}, kTokenMagicSize, std::size_t{128}, std::size_t{200}, bytes.size()}) {
    Feed pipe(bytes.substr(taken));
    CHECK((read_stream(pipe.take(), 1000, std::string_view(bytes).substr(0, taken)) == tokens));
  }
}

TEST_CASE("every truncation is noticed by every reader") {
  const test::TemporaryFolder folder;
  for (const std::int64_t vocab_size : {300, 70000}) {
    for (const bool patched : {true, false}) {
      (patched ? write_file : write_unpatched)(folder.path("a"), random_tokens(60, vocab_size), info_of(vocab_size));
      const std::string bytes = test::read_file(folder.path("a"));
      for (std::size_t size = 0; size < bytes.size(); ++size) {
        put(folder.path("t"), bytes.substr(0, size));
        CAPTURE(size);
        const std::string streamed = refusal([&] { read_stream(open_input(folder.path("t"))); });
        CHECK(contains(streamed, "ends at byte " + std::to_string(size) + " without the trailer"));
        CHECK(contains(refusal([&] { TokenFile::open(folder.path("t"), ""); }), "without the trailer"));
      }
    }
  }
}

TEST_CASE("joined streams and any byte after the trailer are refused, with what to do instead") {
  const test::TemporaryFolder folder;
  for (const std::int64_t vocab_size : {300, 70000}) {
    write_file(folder.path("a"), random_tokens(60, vocab_size), info_of(vocab_size));
    write_unpatched(folder.path("b"), random_tokens(40, vocab_size), info_of(vocab_size));
    const std::string a = test::read_file(folder.path("a"));
    const std::string b = test::read_file(folder.path("b"));
    for (const std::string& bytes : {a + a, a + b, b + a, b + b, a + "x", b + "x", b + std::string(4096, '\0')}) {
      put(folder.path("j"), bytes);
      CHECK(contains(refusal([&] { read_stream(open_input(folder.path("j"))); }), "tok-encode a b"));
      CHECK(contains(refusal([&] { TokenFile::open(folder.path("j"), ""); }), "tok-encode a b"));
      Feed pipe(bytes);
      CHECK(contains(refusal([&] { TokenFile::open(pipe.take(), folder.path("")); }), "tok-encode a b"));
    }
  }
}

TEST_CASE("random bit flips give an error or the same tokens, from every reader") {
  const test::TemporaryFolder folder;
  Rng rng(5, RngPurpose::test);
  for (const bool patched : {true, false}) {
    const std::vector<TokenId> tokens = random_tokens(100, 300);
    (patched ? write_file : write_unpatched)(folder.path("a"), tokens, info_of(300));
    const std::string bytes = test::read_file(folder.path("a"));
    int refused = 0;
    for (int i = 0; i < 5000; ++i) {
      std::string flipped = bytes;
      const std::uint64_t bit = rng.below(bytes.size() * 8);
      flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
      put(folder.path("f"), flipped);
      std::vector<TokenId> out = tokens;
      const std::string streamed = refusal([&] { out = read_stream(open_input(folder.path("f"))); });
      CHECK((out == tokens));
      const std::string whole = refusal([&] { out = read_whole(folder.path("f"), ""); });
      CHECK((out == tokens));
      CHECK(streamed.empty() == whole.empty());
      refused += streamed.empty() ? 0 : 1;
    }
    CHECK(refused > 4500);  // what passes is vocabulary, end-of-text and fingerprint: 24 of 360 bytes, some of each
  }
}

TEST_CASE("headers of other versions, reserved bytes, flags and contradictions are refused before the tokens are read") {
  const test::TemporaryFolder folder;
  write_file(folder.path("a"), random_tokens(60, 300), info_of(300));
  const std::string bytes = test::read_file(folder.path("a"));
  const auto refusal_with = [&](std::size_t offset, std::string_view replacement) {
    std::string changed = bytes;
    changed.replace(offset, replacement.size(), replacement);
    put(folder.path("c"), changed);
    const std::string streamed = refusal([&] { read_stream(open_input(folder.path("c"))); });
    const std::string whole = refusal([&] { TokenFile::open(folder.path("c"), "").verify(); });
    CHECK(whole.empty() == streamed.empty());
    return whole;
  };
  CHECK(contains(refusal_with(10, "2"), "another version"));
  CHECK(contains(refusal_with(0, "M"), "as tokens: it is a binary file"));
  CHECK(contains(refusal_with(16, "\4"), "4 bytes a token, but a vocabulary of 300 takes 2"));
  CHECK(contains(refusal_with(16, "\3"), "bytes a token"));
  CHECK(contains(refusal_with(20, std::string_view("\0\0\0\0", 4)), "vocabulary is empty"));
  CHECK(contains(refusal_with(22, "\1"), "bytes a token"));
  CHECK(contains(refusal_with(25, "\2"), "end-of-text 512 is not in its vocabulary"));
  CHECK(contains(refusal_with(28, "\2"), "bytes 28 to 31"));
  CHECK(contains(refusal_with(63, "\1"), "bytes 48 to 63"));
  CHECK(contains(refusal_with(127, "\1"), "bytes 80 to 127"));
  CHECK(contains(refusal_with(71, "\x7f"), "header counts"));
  CHECK(contains(refusal_with(72, "\x70"), "more documents than tokens"));
  CHECK(contains(refusal_with(64, std::string_view("\xff\xff\xff\xff\xff\xff\xff\x0f", 8)), "without the trailer"));
}

TEST_CASE("an id beyond the vocabulary is refused by readers, with its position, and by the writer") {
  const test::TemporaryFolder folder;
  std::vector<TokenId> tokens = random_tokens(60, 300);
  tokens[40] = 299;
  write_file(folder.path("a"), tokens, info_of(300));
  std::string bytes = test::read_file(folder.path("a"));
  bytes[20] = '\x2b';  // a vocabulary of 299
  put(folder.path("b"), bytes);
  CHECK(contains(refusal([&] { read_stream(open_input(folder.path("b"))); }),
                 "token 40 is id 299, beyond the vocabulary of 299"));
  const TokenFile file = TokenFile::open(folder.path("b"), "");
  TokenId token = 0;
  file.tokens(39, {&token, 1});
  CHECK(contains(refusal([&] { file.tokens(40, {&token, 1}); }), "token 40 is id 299"));
  CHECK(contains(refusal([&] { write_file(folder.path("c"), {1, 300}, info_of(300)); }), "token 1 is id 300"));
  CHECK(contains(refusal([&] { write_file(folder.path("c"), {}, info_of(300, 300)); }), "end-of-text 300"));
  CHECK_FALSE(std::filesystem::exists(folder.path("c")));
}

TEST_CASE("tokens that look like the trailer are tokens") {
  const test::TemporaryFolder folder;
  std::vector<TokenId> tokens = {1, 2, 3};
  const std::string magic("lm-tokens end\n\0\0", 16);
  for (std::size_t i = 0; i < 16; i += 2) {
    tokens.push_back(
        static_cast<TokenId>(static_cast<unsigned char>(magic[i]) | static_cast<unsigned char>(magic[i + 1]) << 8));
  }
  tokens.insert(tokens.end(), {4, 0, 0, 0, 9, 9, 9, 9});  // counts 4 tokens where 3 came before
  write_unpatched(folder.path("a"), tokens, info_of(65536));
  CHECK((read_stream(open_input(folder.path("a"))) == tokens));
  CHECK((read_whole(folder.path("a"), "") == tokens));
  Feed pipe(test::read_file(folder.path("a")), 1);
  CHECK((read_stream(pipe.take()) == tokens));
}

TEST_CASE("a reader hands out what has come without waiting for more") {
  const test::TemporaryFolder folder;
  write_unpatched(folder.path("a"), {1, 2, 3, 4, 5}, info_of(300));
  const std::string bytes = test::read_file(folder.path("a"));
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  REQUIRE(write(ends[1], bytes.data(), 128 + 6) == 128 + 6);
  TokenReader reader({ends[0], "pipe"});
  std::vector<TokenId> tokens(100);
  CHECK(reader.read(tokens) == 3);  // would hang here if it waited
  close(ends[1]);
  CHECK(contains(refusal([&] { reader.read(tokens); }), "ends at byte 134 without the trailer"));
}

TEST_CASE("a file that becomes shorter while it is open is an error at the tokens that are gone") {
  const test::TemporaryFolder folder;
  const std::vector<TokenId> tokens = random_tokens(70000, 300);
  write_file(folder.path("a"), tokens, info_of(300));
  TokenFile file = TokenFile::open(folder.path("a"), "");
  REQUIRE(truncate(folder.path("a").c_str(), 128 + 2 * 60000) == 0);
  std::vector<TokenId> out(100);
  file.tokens(59900, out);
  CHECK(std::equal(out.begin(), out.end(), tokens.begin() + 59900));
  CHECK(contains(refusal([&] { file.tokens(59950, out); }), "became shorter while it was being read"));
  CHECK(contains(refusal([&] { file.verify(); }), "ends before byte 120128"));
  CHECK(contains(refusal([&] { TokenFile::open(folder.path("a"), ""); }), "without the trailer"));
}

}  // namespace lm
