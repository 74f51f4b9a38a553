// The table of words in front of tokenizers whose tokens are spelled: what it gives is what the stages behind it give of whole texts.
#include <doctest/doctest.h>

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "support/test_data.h"
#include "text/files/json_steps.h"
#include "text/mixed_text.h"
#include "text/segment_encoder.h"
#include "text/tokenizer_parts.h"
#include "text/tokenizer_tables.h"

using namespace lm;

namespace {

using Ids = std::vector<TokenId>;

Ids encoded(const Tokenizer& tokenizer, std::string_view text, PieceEncoder::Cache cache, SimdTier tier) {
  SegmentEncoder encoder(tokenizer.tables(), SpecialTokens::plain, cache, tier);
  Ids ids;
  encoder.encode(text, SegmentEncoder::End::final, 0, ids);
  return ids;
}

void check_words(const Tokenizer& tokenizer, std::string_view text) {
  const Ids expected = encoded(tokenizer, text, PieceEncoder::Cache::none, SimdTier::portable);
  for (const SimdTier tier : simd_tiers()) REQUIRE(encoded(tokenizer, text, PieceEncoder::Cache::used, tier) == expected);
}

/// Words that come again, with much between them that words could be cut at.
std::string text_of_words(Rng& random, std::size_t size) {
  constexpr std::string_view kWords[] = {"the",
                                         "other",
                                         "mat",
                                         "The",
                                         "DON'T",
                                         "it's",
                                         "x1",
                                         "3.14",
                                         "(so)",
                                         "--",
                                         "na\xC3\xAFve",
                                         "e\xCC\x81t",
                                         "\xE4\xB8\xAD\xE6\x96\x87",
                                         "\xE2\x96\x81so",
                                         "a\x01"
                                         "b",
                                         "\xEF\xAC\x81n",
                                         "``q''",
                                         "\xFF",
                                         "\xC2\xA0",
                                         "<s>",
                                         "a,b",
                                         "\xCC\x81"};
  constexpr std::string_view kBetween[] = {" ",  " ",   " ",  " ",  " ",   " ",        ", ", ". ",
                                           "  ", "   ", "\n", "\t", " \n", "\xC2\xA0", "",   "\xE3\x80\x80"};
  std::string text;
  while (text.size() < size) {
    text += kWords[random.below(std::size(kWords))];
    text += kBetween[random.below(std::size(kBetween))];
  }
  return text;
}

/// A SentencePiece model whose ways to cut words have sums that nearly tie, so that rounding decides some.
TokenizerParts tied_parts(double step) {
  TokenizerParts parts;
  parts.form = TokenizerParts::Form::spelled;
  parts.kind = ModelKind::unigram;
  parts.origin = TokenizerParts::Origin::sentencepiece;
  parts.unknown = 0;
  const auto add = [&](std::string_view spelling, double score, PieceKind kind = PieceKind::normal) {
    parts.tokens.push_back(spelling);
    parts.scores.push_back(score);
    parts.kinds.push_back(kind);
  };
  add("<unk>", 0, PieceKind::unknown);
  add("</s>", 0, PieceKind::control);
  add("\xE2\x96\x81", -3);
  add("a", -2);
  add("b", -2.25);
  add("ab", -4.25 + step);
  add("ba", -4.25 - step);
  add("aab", -6.25 - 2 * step);
  add("\xE2\x96\x81"
      "a",
      -5 + step);
  add("\xE2\x96\x81"
      "ab",
      -7.25 - step);
  add("bbb", -6.5);
  parts.added = {{.id = 0, .special = true}, {.id = 1, .special = true}};
  parts.components.normalizer = json_sentencepiece_normalizer({});
  parts.end_of_text = "</s>";
  return parts;
}

}  // namespace

TEST_CASE("a table of words changes no id of any tokenizer") {
  Rng random(67, RngPurpose::test);
  const std::string text = text_of_words(random, 60000) + test::mixed_text(random, 20000);
  int with_words = 0;
  for (const auto& entry : std::filesystem::directory_iterator(test::golden_path("tokenizers"))) {
    const std::string name = entry.path().filename();
    if (name.ends_with(".ids.json") || name == "texts.json") continue;
    const std::string ids = test::read_file(test::golden_path("tokenizers/" + entry.path().stem().string() + ".ids.json"));
    TokenizerOptions options;
    const JsonValue json = JsonValue::parse(ids, name);
    if (const std::string* end = json.find("end")->if_string()) options.end_of_text = *end;
    const Tokenizer tokenizer = Tokenizer::load(entry.path(), options);
    INFO(name);
    with_words += tokenizer.tables().word_cuts != WordCuts::none ? 1 : 0;
    try {
      check_words(tokenizer, text);
    } catch (const Error&) {
      CHECK_THROWS_AS(encoded(tokenizer, text, PieceEncoder::Cache::none, SimdTier::portable), Error);
    }
  }
  CHECK(with_words >= 10);
  for (const char* name : {"sentencepiece_bpe.model", "sentencepiece_char.model", "sentencepiece_unigram.model"}) {
    INFO(name);
    check_words(Tokenizer::load(test::golden_path(name)), text);
  }
  CHECK(Tokenizer::load(test::golden_path("sentencepiece_unigram.model")).tables().word_sums);
}

TEST_CASE("where SentencePiece's rounding decides between ways to cut a word, the table of words leaves it to decide") {
  Rng random(71, RngPurpose::test);
  std::string text;
  while (text.size() < 400000) {  // the sums pass the threshold some times
    const std::uint64_t letters = random.below(9);
    for (std::uint64_t i = 0; i < letters; ++i) text += random.below(2) == 0 ? 'a' : 'b';
    text += random.below(500) == 0 ? "?" : " ";
  }
  for (const double step : {0.0, 0.0005, 0.002, 0.004, 0.01, 0.02, 0.05, 0.2}) {
    const Tokenizer tokenizer(tied_parts(step), {}, "a test's tokenizer");
    REQUIRE(tokenizer.tables().word_sums);
    check_words(tokenizer, text);
  }
  // Rounding does decide: the same word has other ids elsewhere.
  const Tokenizer tokenizer(tied_parts(0.002), {}, "a test's tokenizer");
  const Ids ids = encoded(tokenizer, text, PieceEncoder::Cache::used, best_simd_tier());
  Ids apart;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = text.find(' ', at + 1);
    if (end == std::string::npos) end = text.size();
    const Ids word = encoded(tokenizer, text.substr(at, end - at), PieceEncoder::Cache::none, best_simd_tier());
    apart.insert(apart.end(), word.begin(), word.end());
    at = end;
  }
  CHECK(ids != apart);
}

TEST_CASE("a model with tokens across spaces gets no table of words") {
  TokenizerParts parts = tied_parts(0);
  parts.tokens.push_back(
      "a\xE2\x96\x81"
      "b");
  parts.scores.push_back(-5);
  parts.kinds.push_back(PieceKind::normal);
  CHECK(Tokenizer(std::move(parts), {}, "a test's tokenizer").tables().word_cuts == WordCuts::none);
}
