#include "text/tokenizer.h"

#include <doctest/doctest.h>

#include "base/error.h"
#include "text/text_support.h"

namespace {

using lm::SpecialTokens;
using lm::TokenId;
using Ids = std::vector<TokenId>;
constexpr lm::Pattern kSomePatterns[] = {lm::Pattern::gpt2, lm::Pattern::llama3, lm::Pattern::cl100k, lm::Pattern::o200k,
                                         lm::Pattern::none};

lm::Tokenizer with_pattern(lm::Pattern pattern) { return lm::test::train_tokenizer({.pattern = pattern}); }

/// BPE as its rule says it: of all pairs that merge, the lowest rank, leftmost, one at a time.
Ids naive_merge(const lm::Tokenizer& tokenizer, const Ids& bytes) {
  const std::vector<lm::MergePair>& merges = lm::test::merges_of(tokenizer);
  Ids ids = bytes;
  for (;;) {
    std::size_t best_rank = merges.size();
    std::size_t best = 0;
    for (std::size_t i = 0; i + 1 < ids.size(); ++i) {
      for (std::size_t rank = 0; rank < best_rank; ++rank) {
        if (merges[rank].left == ids[i] && merges[rank].right == ids[i + 1]) {
          best_rank = rank;
          best = i;
        }
      }
    }
    if (best_rank == merges.size()) return ids;
    const std::string joined = std::string(tokenizer.bytes_of(ids[best])) + std::string(tokenizer.bytes_of(ids[best + 1]));
    ids.erase(ids.begin() + static_cast<std::ptrdiff_t>(best));
    for (TokenId id = 0; id < tokenizer.vocab_size(); ++id) {
      if (!tokenizer.is_special(id) && tokenizer.bytes_of(id) == joined) ids[best] = id;
    }
  }
}

}  // namespace

TEST_CASE("any bytes come back as they were, and plain text never holds a special token") {
  lm::Rng rng(1, lm::RngPurpose::test);
  for (const lm::Pattern pattern : kSomePatterns) {
    const lm::Tokenizer tokenizer = with_pattern(pattern);
    for (int round = 0; round < 1000; ++round) {
      std::string bytes = lm::test::random_text(rng, 60);
      if (round % 2 == 0) {
        bytes.clear();
        for (int i = 0; i < round / 4; ++i) bytes += static_cast<char>(rng.below(256));
      }
      const Ids ids = tokenizer.encode(bytes);
      REQUIRE(tokenizer.decode(ids) == bytes);
      for (const TokenId id : ids) REQUIRE(!tokenizer.is_special(id));
      REQUIRE(tokenizer.decode(tokenizer.encode(bytes, SpecialTokens::allow)) == bytes);
    }
  }
}

TEST_CASE("however the bytes are cut, a stream has the ids of the whole") {
  lm::Rng rng(2, lm::RngPurpose::test);
  for (const lm::Pattern pattern : kSomePatterns) {
    const lm::Tokenizer tokenizer = with_pattern(pattern);
    for (const SpecialTokens special : {SpecialTokens::plain, SpecialTokens::allow}) {
      lm::StreamEncoder stream(tokenizer, special);
      for (int round = 0; round < 40; ++round) {
        // Longer than the stream's block, so that it has to decide before it has seen the end.
        std::string text;
        while (text.size() < 200000) text += lm::test::random_text(rng, round % 2 == 0 ? 30 : 20000);
        Ids ids;
        for (std::size_t at = 0; at < text.size();) {
          const std::size_t size = 1 + rng.below(round % 3 == 0 ? 10 : 70000);
          stream.feed(std::string_view(text).substr(at, size), ids);
          at += size;
        }
        stream.finish(ids);
        REQUIRE(ids == tokenizer.encode(text, special));
      }
    }
  }
}

TEST_CASE("merging follows the ranks, in short pieces and in long ones") {
  lm::Rng rng(4, lm::RngPurpose::test);
  const lm::Tokenizer tokenizer = with_pattern(lm::Pattern::none);
  for (int round = 0; round < 60; ++round) {
    std::string text;
    for (std::uint64_t i = rng.below(120); i > 0; --i) text += "that he  "[rng.below(9)];
    Ids bytes;
    for (const char byte : text) bytes.push_back(tokenizer.encode({&byte, 1}).front());
    REQUIRE(tokenizer.encode(text) == naive_merge(tokenizer, bytes));
  }
}

TEST_CASE("special tokens are text, tokens or an error, as asked for") {
  const lm::Tokenizer tokenizer = lm::test::train_tokenizer();
  const TokenId mask = *tokenizer.id_of("<|mask|>");
  CHECK(mask == 2);
  CHECK(tokenizer.encode("<|mask|>", SpecialTokens::allow) == Ids{mask});
  CHECK(tokenizer.encode("<|mask|>").size() > 1);
  CHECK(tokenizer.encode("<|extra_1|><|extra_10|>", SpecialTokens::allow) ==
        Ids{*tokenizer.id_of("<|extra_1|>"), *tokenizer.id_of("<|extra_10|>")});
  CHECK(tokenizer.encode("the <|mask|", SpecialTokens::error) == tokenizer.encode("the <|mask|"));
  CHECK_THROWS_WITH_AS(tokenizer.encode("the <|mask|>", SpecialTokens::error),
                       "the text spells the special token '<|mask|>' at byte 4; use --special plain or allow", lm::Error);
  // A special token ends the text before it: the whitespace ends there.
  const Ids apart = tokenizer.encode("a  ");
  const Ids together = tokenizer.encode("a  <|pad|>", SpecialTokens::allow);
  CHECK(Ids(together.begin(), together.end() - 1) == apart);
}

TEST_CASE("the table knows lengths, words and special tokens") {
  const lm::Tokenizer tokenizer = lm::test::train_tokenizer();
  CHECK(tokenizer.vocab_size() == 390);
  CHECK(tokenizer.end_of_text() == 0);
  CHECK(tokenizer.begins_word(0));
  CHECK(!tokenizer.begins_word(1));
  CHECK(tokenizer.byte_length(0) == 0);
  CHECK(tokenizer.bytes_of(0) == "<|endoftext|>");
  const TokenId the = tokenizer.encode(" the").front();
  CHECK(tokenizer.bytes_of(the) == " the");
  CHECK(tokenizer.byte_length(the) == 4);
  CHECK(tokenizer.begins_word(the));
  CHECK(!tokenizer.begins_word(tokenizer.encode("t").front()));
  CHECK(!tokenizer.id_of("the"));
  CHECK_THROWS_AS(tokenizer.bytes_of(390), lm::Error);
  CHECK_THROWS_AS(tokenizer.byte_length(390), lm::Error);
  CHECK_THROWS_AS(tokenizer.begins_word(390), lm::Error);
  CHECK_THROWS_AS(tokenizer.is_special(390), lm::Error);
}

// Quadratic time would be hours, which ctest's limit ends; it takes 0.1 to 0.5 s each.
TEST_CASE("a mebibyte of one character is encoded about as fast as prose") {
  for (const lm::Pattern pattern : kSomePatterns) {
    const lm::Tokenizer tokenizer = lm::test::train_tokenizer(
        {.text = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa          ^^^^^^^^\n",
         .pattern = pattern});
    for (const char unit : {'a', ' ', '^', '<', '\n', '\xFF', 'q'}) {
      const std::string text(1 << 20, unit);
      lm::StreamEncoder stream(tokenizer, SpecialTokens::allow);
      Ids ids;
      for (std::size_t at = 0; at < text.size(); at += 4096) stream.feed(std::string_view(text).substr(at, 4096), ids);
      stream.finish(ids);
      CAPTURE(unit);
      CHECK(tokenizer.decode(ids) == text);
    }
  }
}

TEST_CASE("the same ids from a hundred documents in one stream as from each on its own") {
  const lm::Tokenizer tokenizer = lm::test::train_tokenizer();
  lm::Rng rng(5, lm::RngPurpose::test);
  lm::StreamEncoder stream(tokenizer, SpecialTokens::plain);
  for (int round = 0; round < 100; ++round) {
    const std::string text = lm::test::random_text(rng, 50);
    Ids ids;
    stream.feed(text, ids);
    stream.finish(ids);
    REQUIRE(ids == tokenizer.encode(text));
  }
}

TEST_CASE("a very long pretoken merges as rank after rank does") {
  const lm::Tokenizer tokenizer = lm::test::train_tokenizer();
  lm::Rng rng(9, lm::RngPurpose::test);
  std::string text;
  while (text.size() < 50000) text += "thermaoc"[rng.below(8)];
  // In a trained list no merge comes before those of its parts, so one pass over the text for each merge is the same.
  Ids ids;
  for (const char c : text) ids.push_back(tokenizer.encode(std::string(1, c)).front());
  for (const lm::MergePair& merge : lm::test::merges_of(tokenizer)) {
    const std::string joined = std::string(tokenizer.bytes_of(merge.left)) + std::string(tokenizer.bytes_of(merge.right));
    Ids next;
    for (std::size_t i = 0; i < ids.size(); ++i) {
      const bool merges = i + 1 < ids.size() && ids[i] == merge.left && ids[i + 1] == merge.right;
      next.push_back(merges ? *tokenizer.tables().ordinary.find(joined) : ids[i]);
      i += merges ? 1 : 0;
    }
    ids = next;
  }
  CHECK(tokenizer.encode(text) == ids);
}

TEST_CASE("in a very long pretoken a merge that becomes possible goes before those of higher rank") {
  lm::TokenizerParts parts;
  parts.pattern = lm::Pattern::none;
  parts.tokens.push_back("<|endoftext|>");
  for (unsigned byte = 0; byte < 256; ++byte) {
    const char text = static_cast<char>(byte);
    parts.tokens.push_back({&text, 1});
  }
  parts.tokens.push_back("ab");   // 257
  parts.tokens.push_back("aba");  // 258
  parts.added.push_back({.id = 0, .special = true});
  parts.merges = {{257, 1 + 'a'}, {1 + 'a', 1 + 'b'}};
  const lm::Tokenizer tokenizer(std::move(parts), {}, "a test's tokenizer");
  for (const std::size_t count : {10, 10000}) {  // by a heap, and by buckets
    std::string text;
    Ids expected;
    for (std::size_t i = 0; i < count; ++i) {
      text += "abab";
      expected.insert(expected.end(), {258, 1 + 'b'});
    }
    CHECK(tokenizer.encode(text) == expected);
  }
}
