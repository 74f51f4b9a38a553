#include "text/bpe_trainer.h"

#include <doctest/doctest.h>

#include <map>

#include "base/error.h"
#include "text/files/counts_file.h"
#include "text/text_support.h"
#include "text/vocabulary/byte_level.h"

namespace {

using lm::BpeTrainerOptions;
using lm::TokenId;
using lm::test::Training;
using Ties = BpeTrainerOptions::Ties;
using Merges = std::vector<std::pair<std::string, std::string>>;

Merges merges_of(const lm::TokenizerParts& parts) {
  Merges merges;
  for (const auto& [left, right] : parts.merges) merges.emplace_back(parts.tokens[left], parts.tokens[right]);
  return merges;
}

/// Training as the rules say it: recount all pairs before every merge. For texts in which no special token comes up.
Merges naive_training(const Training& training) {
  std::vector<std::vector<std::string>> words;
  std::string_view rest = training.text;
  while (!rest.empty()) {
    const std::size_t unit = training.ties == Ties::hf ? std::min(rest.find('\n'), rest.size() - 1) + 1 : rest.size();
    for (std::string_view text = rest.substr(0, unit); !text.empty();) {
      const std::size_t length = lm::next_pretoken(training.pattern, text).length;
      words.emplace_back();
      for (const char byte : text.substr(0, length)) words.back().emplace_back(1, byte);
      text.remove_prefix(length);
    }
    rest.remove_prefix(unit);
  }
  std::map<std::string, std::int64_t> ids;
  for (unsigned byte = 0; byte < 256; ++byte) {
    const std::int64_t code_point = lm::byte_level_code_points()[byte];
    ids[std::string(1, static_cast<char>(byte))] = training.ties == Ties::hf ? code_point - 1000 : std::int64_t{byte} - 1000;
  }
  const std::int64_t count =
      training.vocab_size - 256 - static_cast<std::int64_t>(lm::reserved_special_tokens(lm::ReservedTokens::all).size());
  const std::int64_t limit = training.max_token_length.value_or(INT64_MAX);
  Merges merges;
  while (static_cast<std::int64_t>(merges.size()) < count) {
    std::map<std::pair<std::string, std::string>, std::uint64_t> counts;
    for (const auto& word : words) {
      for (std::size_t i = 0; i + 1 < word.size(); ++i) {
        const bool first = word[i].size() == 1 && word[i + 1].size() == 1;
        if (first || static_cast<std::int64_t>(word[i].size() + word[i + 1].size()) < limit)
          ++counts[{word[i], word[i + 1]}];
      }
    }
    const auto better = [&](const auto& a, const auto& b) {
      if (a.second != b.second) return a.second > b.second;
      if (training.ties == Ties::lex) return a.first > b.first;
      return std::pair(ids[a.first.first], ids[a.first.second]) < std::pair(ids[b.first.first], ids[b.first.second]);
    };
    auto best = counts.begin();
    for (auto it = counts.begin(); it != counts.end(); ++it) {
      if (better(*it, *best)) best = it;
    }
    if (best == counts.end() || best->second < training.min_frequency) break;
    const auto [left, right] = best->first;
    merges.emplace_back(left, right);
    ids[left + right] = static_cast<std::int64_t>(merges.size());
    for (auto& word : words) {
      for (std::size_t i = 0; i + 1 < word.size(); ++i) {
        if (word[i] != left || word[i + 1] != right) continue;
        word[i] += right;
        word.erase(word.begin() + static_cast<std::ptrdiff_t>(i) + 1);
      }
    }
  }
  return merges;
}

}  // namespace

TEST_CASE("merges equal those of a trainer that recounts everything, under every tie rule") {
  lm::Rng rng(7, lm::RngPurpose::test);
  const std::string alphabets[] = {"ab",
                                   "aab ",
                                   "abc\n",
                                   "aaaaab \n",
                                   "\xC3\xA9"
                                   "a ",
                                   "\xFF\x01\xA0 a\n"};
  for (int round = 0; round < 120; ++round) {
    const std::string& alphabet = alphabets[rng.below(std::size(alphabets))];
    std::string text;
    for (std::uint64_t i = 20 + rng.below(300); i > 0; --i) text += alphabet[rng.below(alphabet.size())];
    Training training = {.text = text, .vocab_size = 362 + static_cast<std::int64_t>(rng.below(60))};
    training.pattern = std::array{lm::Pattern::gpt2, lm::Pattern::none, lm::Pattern::llama3}[rng.below(3)];
    training.ties = std::array{Ties::hf, Ties::raw, Ties::lex}[rng.below(3)];
    training.min_frequency = 1 + rng.below(3);
    if (rng.below(3) == 0) training.max_token_length = 3 + static_cast<std::int64_t>(rng.below(4));
    REQUIRE(merges_of(lm::test::train_parts(training)) == naive_training(training));
  }
}

TEST_CASE("special tokens come first, then the bytes, then the merges; the size counts them all") {
  const lm::TokenizerParts parts = lm::test::train_parts({.vocab_size = 370});
  CHECK(parts.tokens.size() == 370);
  CHECK(parts.merges.size() == 370 - 256 - 106);
  CHECK(parts.tokens[0] == "<|endoftext|>");
  CHECK(parts.tokens[2] == "<|mask|>");
  CHECK(parts.tokens[105] == "<|extra_99|>");
  CHECK(parts.tokens[106] == "!");  // ByteLevel keeps U+0021, its smallest
  CHECK(lm::test::train_parts({.ties = Ties::raw}).tokens[106] == std::string_view("\0", 1));
}

TEST_CASE("a merge that spells a special token takes its id") {
  std::string text;
  for (int i = 0; i < 50; ++i) text += "<|mask|>a\n<|mask|>b\n";
  const lm::TokenizerParts parts = lm::test::train_parts({.text = text, .vocab_size = 400, .pattern = lm::Pattern::none});
  std::size_t spelled = 0;
  for (TokenId id = 0; id < parts.tokens.size(); ++id) spelled += parts.tokens[id] == "<|mask|>";
  CHECK(spelled == 1);
  // One merge more than tokens made; and plain text still cannot reach the special token.
  CHECK(parts.merges.size() == parts.tokens.size() - 256 - 106 + 1);
  const lm::Tokenizer tokenizer(parts, {}, "a test's");
  for (const TokenId id : tokenizer.encode("<|mask|>\n")) CHECK(!tokenizer.is_special(id));
}

TEST_CASE("the result depends on the multiset of counts, not on their order or how the text was cut") {
  const std::string text = std::string(Training().text) + "a\xC3\xA9t\xC3\xA9 \xE4\xB8\xAD\xE6\x96\x87";
  for (const auto unit : {lm::PretokenCounter::Unit::line, lm::PretokenCounter::Unit::document}) {
    lm::PretokenCounts whole, pieces, backwards;
    lm::PretokenCounter counter(lm::Pattern::llama3, unit, whole), piecewise(lm::Pattern::llama3, unit, pieces);
    counter.feed(text);
    counter.end_document();
    for (const char byte : text) piecewise.feed({&byte, 1});
    piecewise.end_document();
    const std::string expected = lm::counts_to_text(whole, lm::Pattern::llama3, unit);
    CHECK(lm::counts_to_text(pieces, lm::Pattern::llama3, unit) == expected);
    for (std::uint32_t i = whole.size(); i-- > 0;) backwards.add(whole.pretoken(i), whole.count(i));
    BpeTrainerOptions options = lm::test::options_of({.pattern = lm::Pattern::llama3});
    CHECK(merges_of(lm::train_bpe(whole, options)) == merges_of(lm::train_bpe(backwards, options)));
  }
}

TEST_CASE("counts beyond 2^32 decide as they should") {
  lm::PretokenCounts counts;
  counts.add("ab", (std::uint64_t{1} << 32) + 1);
  counts.add("cd", 2);
  const Merges merges = merges_of(lm::train_bpe(counts, lm::test::options_of({})));
  REQUIRE(merges.size() == 2);
  CHECK(merges[0].first == "a");
}

TEST_CASE("what cannot be trained is an error") {
  CHECK_THROWS_AS(lm::test::train_parts({.vocab_size = 361}), lm::Error);
  CHECK(lm::test::train_parts({.text = "", .vocab_size = 362}).tokens.size() == 362);
  lm::PretokenCounts counts;
  BpeTrainerOptions options = lm::test::options_of({});
  options.special_tokens.push_back("<|mask|>");
  CHECK_THROWS_AS(lm::train_bpe(counts, options), lm::Error);
  lm::PretokenCounts small(20000);
  CHECK_THROWS_AS(
      [&] {
        for (int i = 0; i < 100000; ++i) small.add(std::to_string(i));
      }(),
      lm::Error);
}
