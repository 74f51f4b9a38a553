#include "text/training/bpe_trainer.h"

#include <doctest/doctest.h>

#include <map>

#include "base/error.h"
#include "base/rng.h"
#include "text/text_support.h"
#include "text/training/bpe_merger.h"
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

TEST_CASE("the result depends on the multiset of counts, not on their order or the memory") {
  for (const Ties ties : {Ties::hf, Ties::raw, Ties::lex}) {
    const Training training = {.vocab_size = 420, .pattern = lm::Pattern::llama3, .ties = ties};
    lm::PretokenStore counts({}), backwards({}), on_disk({});
    std::vector<std::pair<std::string, std::uint64_t>> rows;
    lm::test::count_text(counts, training);
    counts.for_each([&](std::string_view pretoken, std::uint64_t count) { rows.emplace_back(pretoken, count); });
    for (std::size_t i = rows.size(); i-- > 0;) {
      backwards.add(0, rows[i].first, rows[i].second);
      on_disk.add(0, rows[i].first, rows[i].second);
    }
    on_disk.leave_memory();
    const BpeTrainerOptions options = lm::test::options_of(training);
    const Merges expected = merges_of(lm::train_bpe(counts, options));
    CHECK(merges_of(lm::train_bpe(backwards, options)) == expected);
    CHECK(merges_of(lm::train_bpe(on_disk, options)) == expected);
  }
}

namespace {

/// Trains in so little memory for pairs and places that they are found again and again.
template <class Symbol>
Merges merges_in(std::uint64_t memory, const std::vector<std::string>& pretokens, const BpeTrainerOptions& options) {
  lm::TokenizerParts parts;
  for (unsigned byte = 0; byte < 256; ++byte) parts.tokens.push_back(std::string(1, static_cast<char>(byte)));
  std::uint64_t bytes = 0, symbols = 0;
  for (const std::string& pretoken : pretokens) bytes += pretoken.size();
  lm::WordArray<Symbol> words;
  words.reserve(pretokens.size(), bytes);
  for (std::size_t i = 0; i < pretokens.size(); ++i) {
    words.add(pretokens[i], i % 7 + 1, [](unsigned char byte) { return lm::TokenId{byte}; });
    symbols += pretokens[i].size() * (i % 7 + 1);
  }
  lm::BpeMerger<Symbol> merger(words, parts, options, memory, symbols);
  while (std::int64_t{parts.tokens.size()} < options.vocab_size && merger.merge_next() > 0) {
  }
  std::uint64_t left = 0;
  words.for_each_pair(
      [&](lm::TokenId id) { return parts.tokens[id].size(); },
      [&](std::uint32_t, lm::TokenId, lm::TokenId, std::int64_t count) { left += static_cast<std::uint64_t>(count); });
  for (std::size_t i = 0; i < pretokens.size(); ++i) left += i % 7 + 1;
  CHECK(merger.symbols() == left);
  return merges_of(parts);
}

}  // namespace

TEST_CASE("merges are the same in any memory, though pairs are then found in parts, dropped, and found again") {
  lm::Rng rng(5, lm::RngPurpose::test);
  std::vector<std::string> pretokens;
  for (int i = 0; i < 3000; ++i) {
    std::string pretoken(2 + rng.below(14), '\0');
    for (char& byte : pretoken) byte = static_cast<char>('a' + std::min(rng.below(26), rng.below(26)));
    if (i % 50 == 0) pretoken = std::string(2 + rng.below(100), 'a');
    pretokens.push_back(pretoken);
  }
  for (const Ties ties : {Ties::raw, Ties::lex}) {
    for (const std::uint64_t min_frequency : {1, 3}) {
      BpeTrainerOptions options = lm::test::options_of({.vocab_size = 2000, .ties = ties, .min_frequency = min_frequency});
      if (min_frequency == 1) options.max_token_length = 9;
      const Merges expected = merges_in<std::uint32_t>(std::uint64_t{1} << 30, pretokens, options);
      CHECK(expected.size() > 500);
      for (const std::uint64_t memory : {80000, 100000, 200000}) {
        CHECK(merges_in<std::uint16_t>(memory, pretokens, options) == expected);
      }
    }
  }
}

TEST_CASE("memory that is too small is an error that names what would do, and that does") {
  std::string text;
  lm::Rng rng(8, lm::RngPurpose::test);
  for (int i = 0; i < 400000; ++i) text += rng.below(6) == 0 ? ' ' : static_cast<char>('a' + rng.below(26));
  const Training training = {.text = text, .vocab_size = 2000};
  BpeTrainerOptions options = lm::test::options_of(training);
  options.memory = 1 << 20;
  std::string message;
  lm::PretokenStore counts({});
  lm::test::count_text(counts, training);
  try {
    lm::train_bpe(counts, options);
  } catch (const lm::Error& error) {
    message = error.what();
  }
  const std::size_t at = message.find("; --memory ");
  REQUIRE(at != std::string::npos);
  options.memory = std::stoull(message.substr(at + 11)) << 20U;
  CHECK(options.memory < (16U << 20U));
  CHECK(merges_of(lm::train_bpe(counts, options)) == merges_of(lm::test::train_parts(training)));
}

TEST_CASE("counts beyond 2^32 decide as they should") {
  lm::PretokenStore counts({});
  counts.add(0, "ab", (std::uint64_t{1} << 32) + 1);
  counts.add(0, "cd", 2);
  counts.add(0, "ef", (std::uint64_t{1} << 40));
  const Merges merges = merges_of(lm::train_bpe(counts, lm::test::options_of({})));
  REQUIRE(merges.size() == 3);
  CHECK(merges[0].first == "e");
  CHECK(merges[1].first == "a");
  counts.add(0, "xyz", std::uint64_t{1} << 62);
  CHECK_THROWS_WITH_AS(lm::train_bpe(counts, lm::test::options_of({})), doctest::Contains("more than 2^63 bytes"),
                       lm::Error);
}

TEST_CASE("what cannot be trained is an error") {
  CHECK_THROWS_AS(lm::test::train_parts({.vocab_size = 361}), lm::Error);
  CHECK(lm::test::train_parts({.text = "", .vocab_size = 362}).tokens.size() == 362);
  lm::PretokenStore counts({});
  BpeTrainerOptions options = lm::test::options_of({});
  options.special_tokens.push_back("<|mask|>");
  CHECK_THROWS_AS(lm::train_bpe(counts, options), lm::Error);
}

TEST_CASE("what is watched are the tokens that the text has after each merge") {
  const Training training = {.vocab_size = 390};
  BpeTrainerOptions options = lm::test::options_of(training);
  std::vector<lm::TrainingPoint> points;
  options.watched = [&](const lm::TrainingPoint& point) { points.push_back(point); };
  lm::PretokenStore counts({});
  lm::test::count_text(counts, training);
  const lm::Tokenizer tokenizer(lm::train_bpe(counts, options), {}, "a test's");
  REQUIRE(points.size() == 390 - 362 + 1);
  CHECK(points.front().tokens == training.text.size());
  std::uint64_t tokens = 0;
  for (std::string_view rest = training.text; !rest.empty();) {  // lines, as hf has it
    const std::string_view line = rest.substr(0, rest.find('\n') + 1);
    tokens += tokenizer.encode(line).size();
    rest.remove_prefix(line.size());
  }
  CHECK(points.back().tokens == tokens);
  CHECK(points.back().vocab_size == 390);
}
