#include "tasks/tokenize/learn_tokenizer.h"

#include <doctest/doctest.h>

#include <fstream>
#include <string>

#include "base/error.h"
#include "support/test_data.h"
#include "tasks/tokenize/encode_documents.h"

using namespace lm;

namespace {

BpeTrainerOptions options_with(Pattern pattern) {
  BpeTrainerOptions options;
  options.vocab_size = 260;
  options.pattern = pattern;
  options.special_tokens = {"<|endoftext|>"};
  return options;
}

constexpr MemoryPlan kMemory = {.before = 0, .rest = 1 << 20, .block = 1 << 16};

void count(
    PretokenStore& counts, const CountRequest& request, BpeTrainerOptions& options,
    const CountProgress& progress = [](std::uint64_t) {}) {
  ThreadPool pool(1);
  count_pretokens(counts, request, kMemory, options, pool, progress);
}

}  // namespace

TEST_CASE("counts that were written stand for the texts that they were made of, and bring their pattern along") {
  test::TemporaryFolder folder;
  const std::string text = folder.path("text"), counts_path = folder.path("counts");
  std::ofstream(text) << "low lower lowest\nlow low\n";
  BpeTrainerOptions trained = options_with(Pattern::gpt2);
  PretokenStore counts({.memory = 1 << 20});
  std::uint64_t seen = 0;
  count(counts, {.texts = {text}}, trained, [&](std::uint64_t bytes) { seen = bytes; });
  CHECK(seen == 25);
  const Tokenizer a(train_bpe(counts, trained), {}, "a");
  count(counts, {.texts = {text}}, trained);
  write_counts(counts_path, counts, trained);

  BpeTrainerOptions others = options_with(Pattern::cl100k);
  PretokenStore again({.memory = 1 << 20});
  count(again, {.counts = {counts_path}}, others);
  CHECK(others.pattern == Pattern::gpt2);
  const Tokenizer b(train_bpe(again, others), {}, "b");
  CHECK(a.fingerprint() == b.fingerprint());

  BpeTrainerOptions refused = options_with(Pattern::cl100k);
  PretokenStore none({.memory = 1 << 20});
  CHECK_THROWS_WITH_AS(count(none, {.counts = {counts_path}, .keeps_pattern = true}, refused),
                       doctest::Contains("were made with the pattern gpt2, not cl100k"), Error);
  refused = options_with(Pattern::gpt2);
  refused.ties = BpeTrainerOptions::Ties::lex;
  CHECK_THROWS_WITH_AS(count(none, {.counts = {counts_path}}, refused), doctest::Contains("for other --ties: hf"), Error);

  write_tokenizer(folder.path("tokenizer.json"), a);
  CHECK(Tokenizer::load(folder.path("tokenizer.json"), {}).fingerprint() == a.fingerprint());
}

TEST_CASE("documents are encoded in their order, and what there was of them is counted") {
  test::TemporaryFolder folder;
  std::ofstream(folder.path("text")) << "abc\nab\n";
  PretokenStore counts({.memory = 1 << 20});
  const Tokenizer tokenizer(train_bpe(counts, options_with(Pattern::none)), {}, "test");
  TokenStatistics statistics(tokenizer.vocab_size());
  std::string decoded;
  encode_documents({folder.path("text")}, parse_document_kind("line"), tokenizer, {},
                   {.text = [&](std::string_view text) { statistics.add_bytes(std::ssize(text)); },
                    .tokens =
                        [&](std::span<const TokenId> ids) {
                          statistics.add_tokens(ids);
                          for (const TokenId id : ids) decoded += tokenizer.bytes_of(id);
                        },
                    .end =
                        [&] {
                          statistics.add_document();
                          decoded += '|';
                        }});
  CHECK(decoded == "abc|ab|");
  CHECK(statistics.to_text() == "documents 2\nbytes 5\ntokens 5\nbytes_per_token 1.0000\ndifferent_tokens 3\n");
}
