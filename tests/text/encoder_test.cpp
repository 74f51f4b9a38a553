#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "text/mixed_text.h"
#include "text/segment_encoder.h"
#include "text/text_support.h"
#include "text/vocabulary/piece_table.h"

using namespace lm;

namespace {

using Ids = std::vector<TokenId>;

Ids in_chunks(StreamEncoder& encoder, std::string_view text, std::size_t size) {
  Ids ids;
  for (std::size_t at = 0; at < text.size(); at += size) encoder.feed(text.substr(at, size), ids);
  encoder.finish(ids);
  return ids;
}

/// Every pretoken of the reference, merged by itself.
Ids one_by_one(const Tokenizer& tokenizer, std::string_view text) {
  Ids ids;
  PieceEncoder encoder(tokenizer.tables(), PieceEncoder::Cache::none);
  while (!text.empty()) {
    const Pretoken pretoken = next_pretoken(tokenizer.tables().parts.pattern, text);
    encoder.encode(text.substr(0, pretoken.length), ids);
    text.remove_prefix(pretoken.length);
  }
  return ids;
}

}  // namespace

TEST_CASE("a text in chunks of 1 to 257 bytes has the ids that it has as a whole, which are those of its pretokens") {
  Rng random(51, RngPurpose::test);
  for (const Pattern pattern : {Pattern::gpt2, Pattern::cl100k, Pattern::qwen2, Pattern::o200k, Pattern::smollm}) {
    const Tokenizer tokenizer(test::train_parts({.pattern = pattern}), {}, "a test's tokenizer");
    // Longer than what a stream gathers before it looks, so that chunks end anywhere.
    const std::string text = test::mixed_text(random, 70000) + std::string(test::Training().text);
    const Ids expected = one_by_one(tokenizer, text);
    CHECK(tokenizer.encode(text) == expected);
    StreamEncoder encoder(tokenizer, SpecialTokens::plain);
    for (std::size_t size = 1; size <= 257; ++size) REQUIRE(in_chunks(encoder, text, size) == expected);
  }
}

TEST_CASE("every SIMD tier gives the same ids") {
  Rng random(53, RngPurpose::test);
  for (const Pattern pattern : {Pattern::gpt2, Pattern::llama3, Pattern::o200k}) {
    const Tokenizer tokenizer(test::train_parts({.pattern = pattern}), {}, "a test's tokenizer");
    const std::string text = test::mixed_text(random, 300000);
    const Ids expected = one_by_one(tokenizer, text);
    for (const SimdTier tier : simd_tiers()) {
      SegmentEncoder encoder(tokenizer.tables(), SpecialTokens::plain, PieceEncoder::Cache::used, tier);
      Ids ids;
      encoder.encode(text, SegmentEncoder::End::final, 0, ids);
      CHECK(ids == expected);
    }
  }
}

TEST_CASE("the table of pieces grows, and when it is full what comes later still has its ids") {
  const Tokenizer tokenizer(test::train_parts({}), {}, "a test's tokenizer");
  Rng random(59, RngPurpose::test);
  std::string text;
  for (int i = 0; i < 1'400'000; ++i) {  // more different pieces than the table has places
    text += ' ';
    for (std::uint64_t number = random.below(std::uint64_t{1} << 28); number > 0; number /= 16)
      text += static_cast<char>('a' + number % 16);
  }
  const Ids expected = one_by_one(tokenizer, text);
  SegmentEncoder encoder(tokenizer.tables(), SpecialTokens::plain, PieceEncoder::Cache::used);
  for (int pass = 0; pass < 2; ++pass) {
    Ids ids;
    encoder.encode(text, SegmentEncoder::End::final, 0, ids);
    CHECK(ids == expected);
  }
}

TEST_CASE("words that no merge makes are found, before the table has the vocabulary's words and after") {
  TokenizerParts parts = test::train_parts({});
  parts.ignore_merges = true;
  std::vector<std::string> words;
  for (char c = 'a'; c <= 'z'; ++c) words.push_back(std::string(" ") + c + "#" + c + "#");
  words.push_back(" longer#than#fifteen#bytes");
  for (const std::string& word : words) parts.tokens.push_back(word);
  parts.pattern = Pattern::none;
  const Tokenizer tokenizer(std::move(parts), {}, "a test's tokenizer");
  PieceEncoder encoder(tokenizer.tables(), PieceEncoder::Cache::used), plain(tokenizer.tables(), PieceEncoder::Cache::none);
  Rng random(61, RngPurpose::test);
  std::size_t found = 0;
  for (int round = 0; round < 600; ++round) {
    std::string text;
    std::vector<std::uint32_t> starts;
    for (int i = 0; i < 100; ++i) {
      starts.push_back(static_cast<std::uint32_t>(text.size()));
      // Words come late, and no more than one in a round, so that some are met for the first time in each state of the table.
      const auto word = static_cast<std::size_t>(round / 10);
      text += i == 50 && word < words.size() ? words[word] : ' ' + std::to_string(random.below(1'000'000'000'000));
    }
    starts.push_back(static_cast<std::uint32_t>(text.size()));
    text += std::string(PieceTable::kKeyBytes, ' ');
    Ids ids, expected;
    encoder.encode_all(text, starts.data(), 100, ids);
    for (std::size_t i = 0; i < 100; ++i)
      plain.encode(std::string_view(text).substr(starts[i], starts[i + 1] - starts[i]), expected);
    REQUIRE(ids == expected);
    found += static_cast<std::size_t>(std::count_if(
        ids.begin(), ids.end(), [&](TokenId id) { return id >= tokenizer.tables().parts.tokens.size() - words.size(); }));
  }
  CHECK(found == 10 * words.size());
}

TEST_CASE("the table of pieces keeps a vocabulary's words while it grows") {
  TokenStrings tokens;
  std::vector<TokenId> ids;
  for (TokenId id = 0; id < 20000; ++id) {
    tokens.push_back("w" + std::to_string(id * 7919));
    ids.push_back(id);
  }
  PieceTable table;
  table.prepare();
  CHECK_FALSE(table.holds_tokens());
  table.insert_tokens(tokens, ids);
  for (TokenId i = 0; i < 1'000'000; ++i) {
    const std::string other = "x" + std::to_string(i);
    table.insert(other, PieceTable::key_of(other), Ids(1 + i % 6, i));
  }
  CHECK(table.holds_tokens());
  CHECK(table.bytes() == std::size_t{32} << 20);
  for (const TokenId id : ids) {
    Ids found;
    REQUIRE(table.find(tokens[id], PieceTable::key_of(tokens[id]), found));
    REQUIRE(found == Ids{id});
  }
}

TEST_CASE("pieces cannot be made to have one hash by what they hold alone") {
  // The second word is what an earlier hash was at after the first, so that the rest did not matter.
  constexpr std::uint64_t kOdd = 0x9E3779B97F4A7C15, kStart = 0xD6E8FEB86659FD93 ^ 24;
  std::vector<std::uint64_t> hashes;
  for (std::uint64_t i = 0; i < 1000; ++i) {
    const std::uint64_t words[] = {i, mix_bits(kStart ^ i, kOdd), 7};
    hashes.push_back(hash_bytes({reinterpret_cast<const char*>(words), sizeof words}));
  }
  std::sort(hashes.begin(), hashes.end());
  CHECK(std::adjacent_find(hashes.begin(), hashes.end()) == hashes.end());
}

TEST_CASE("the table of pieces tells apart pieces that differ in length, in zeros, or behind 15 bytes") {
  PieceTable table;
  table.prepare();
  const std::string_view zeros("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 18);
  std::vector<std::string> pieces;
  for (std::size_t size = 1; size <= zeros.size(); ++size) {
    pieces.emplace_back(zeros.substr(0, size));
    pieces.push_back(std::string(zeros.substr(0, size)) + "a");
    pieces.push_back("a" + std::string(zeros.substr(0, size)));
  }
  for (TokenId i = 0; i < pieces.size(); ++i) table.insert(pieces[i], PieceTable::key_of(pieces[i]), Ids(1 + i % 7, i));
  for (TokenId i = 0; i < pieces.size(); ++i) {
    Ids ids;
    CHECK(table.find(pieces[i], PieceTable::key_of(pieces[i]), ids));
    CHECK(ids == Ids(1 + i % 7, i));
  }
  Ids ids;
  for (const std::string& other : {std::string("b"), std::string(20, 'b')})
    CHECK_FALSE(table.find(other, PieceTable::key_of(other), ids));
}

namespace {

/// Text of a few characters of three bytes in long runs, some of which come again and again.
std::string wide_text(Rng& random, std::size_t size) {
  constexpr std::string_view kCharacters[] = {"\xE3\x81\x82",
                                              "\xE3\x81\x84",
                                              "\xE3\x82\x82",
                                              "\xE4\xB8\xAD",
                                              "\xE6\x96\x87",
                                              "\xE6\x97\xA5",
                                              "\xE6\x9C\xAC",
                                              "\xE8\xAA\x9E",
                                              "\xEA\xB0\x80",
                                              "\xE3\x83\xBC",
                                              "\xE3\x81\xA7\xE3\x81\x99",
                                              "\xE6\x96\x82"};
  std::string text;
  while (text.size() < size) {
    const std::uint64_t times = 1 + random.below(24), most = random.below(2) == 0 ? 4 : std::size(kCharacters);
    for (std::uint64_t i = 0; i < times; ++i) text += kCharacters[random.below(most)];
    constexpr std::string_view kBetween[] = {" ", "\n", "\xE3\x80\x82", "a", "\xC3\xA9", "\x81", "\xE3\x81", "1"};
    text += kBetween[random.below(std::size(kBetween))];
  }
  return text;
}

}  // namespace

TEST_CASE("long pretokens are cut where no token reaches across, with the same ids") {
  Rng random(59, RngPurpose::test);
  const std::string training = wide_text(random, 30000), text = wide_text(random, 60000);
  for (const std::int64_t vocab_size : {400, 500, 1200}) {  // with few tokens some end inside characters
    for (const bool takes_tokens : {false, true}) {
      TokenizerParts parts = test::train_parts({.text = training, .vocab_size = vocab_size});
      parts.ignore_merges = takes_tokens;
      // No merge makes these; whole pretokens only are such tokens.
      for (const char* whole : {"\xE3\x81\x82\xE6\x96\x87", "\xE8\xAA\x9E\xE6\x9C\xAC\xE8\xAA\x9E", "\xE6\x97\xA5"}) {
        if (takes_tokens && !find_token(parts.tokens, whole)) parts.tokens.push_back(whole);
      }
      const Tokenizer tokenizer(std::move(parts), {}, "a test's tokenizer");
      REQUIRE(!tokenizer.tables().cuts.is_empty());
      SegmentEncoder encoder(tokenizer.tables(), SpecialTokens::plain, PieceEncoder::Cache::used);
      Ids ids;
      encoder.encode(text, SegmentEncoder::End::final, 0, ids);
      CHECK(ids == one_by_one(tokenizer, text));
    }
  }
}

TEST_CASE(
    "pretokens are cut between characters that no token has next to each other, in parts of about two, and nowhere else") {
  TokenStrings tokens;
  for (const char* token : {"\xE4\xB8\xAD\xE6\x96\x87", "\x87\xE6\x97", "\xE6\x9C\xAC\xE8"}) tokens.push_back(token);
  CharacterCuts cuts;
  cuts.build(tokens);
  const auto places = [&](std::string_view text) {
    std::vector<std::uint32_t> starts;
    cuts.append(text, 0, static_cast<std::uint32_t>(text.size()), starts);
    return starts;
  };
  using Starts = std::vector<std::uint32_t>;
  CHECK(places("\xE4\xB8\xAD\xE6\x96\x87\xE6\x97\xA5\xE6\x9C\xAC\xE8\xAA\x9E") == Starts{9});
  CHECK(places("\xE4\xB8\xAD\xE4\xB8\xAD\xE6\x9C\xAC\xE6\x96\x87") == Starts{6});
  CHECK(places("a\xE4\xB8\xAD\xC3\xA9\xE4\xB8\xAD\x81\xE4\xB8\xAD").empty());
}

TEST_CASE("a text without spaces is cut behind its last letter before a symbol, with the same ids") {
  Rng random(73, RngPurpose::test);
  for (const Pattern pattern :
       {Pattern::gpt2, Pattern::cl100k, Pattern::qwen35, Pattern::o200k, Pattern::smollm, Pattern::tekken}) {
    const Tokenizer tokenizer(test::train_parts({.pattern = pattern}), {}, "a test's tokenizer");
    SegmentEncoder encoder(tokenizer.tables(), SpecialTokens::plain, PieceEncoder::Cache::used);
    int cuts = 0;
    for (int i = 0; i < 2000; ++i) {
      std::string text = test::mixed_text(random, 1 + random.below(60));
      std::erase_if(text, [](char c) { return c == ' ' || c == '\n'; });
      const std::size_t cut = encoder.cut(text);
      REQUIRE(cut < std::max<std::size_t>(text.size(), 1));
      cuts += cut > 0 ? 1 : 0;
      Ids ids = tokenizer.encode(std::string_view(text).substr(0, cut));
      const Ids rest = tokenizer.encode(std::string_view(text).substr(cut));
      ids.insert(ids.end(), rest.begin(), rest.end());
      REQUIRE(ids == tokenizer.encode(text));
    }
    CHECK(cuts > 100);
  }
  TokenizerParts parts = test::train_parts({});
  parts.tokens.push_back("<a\xE3\x80\x82>");
  parts.added.push_back({.id = static_cast<TokenId>(parts.tokens.size() - 1), .special = true});
  const Tokenizer tokenizer(std::move(parts), {}, "a test's tokenizer");
  const SegmentEncoder encoder(tokenizer.tables(), SpecialTokens::allow, PieceEncoder::Cache::none);
  CHECK(encoder.cut("xb\xE3\x80\x82<a\xE3\x80\x82>") == 2);
}
