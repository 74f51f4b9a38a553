#include "train/window_source.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <vector>

#include "base/error.h"
#include "support/byte_tokenizer.h"
#include "support/test_data.h"
#include "train/validator.h"

using namespace lm;

namespace {

constexpr std::int64_t kVocabulary = 300;

/// Every byte value is a token, 0 is end-of-text.
class ByteTable : public TokenTable {
 public:
  std::int64_t vocab_size() const override { return kVocabulary; }
  TokenId end_of_text() const override { return 0; }
  std::int64_t byte_length(TokenId id) const override { return id == 0 ? 0 : 1 + id % 3; }
  bool begins_word(TokenId) const override { return false; }
  bool is_special(TokenId id) const override { return id == 0; }
};

void write_tokens(const std::string& path, const std::vector<std::vector<TokenId>>& documents) {
  const std::unique_ptr<OutputStream> output = open_output(path);
  TokenWriter writer(
      *output,
      {.vocab_size = kVocabulary, .end_of_text = 0, .fingerprint = {.low = 1, .high = 2}, .tokens = {}, .documents = {}});
  for (const auto& document : documents) {
    writer.write(document);
    writer.end_document();
  }
  writer.finish();
  output->close();
}

std::vector<std::vector<TokenId>> some_documents() {
  std::vector<std::vector<TokenId>> documents(4);
  TokenId next = 1;
  for (std::size_t d = 0; d < documents.size(); ++d) {
    for (std::size_t i = 0; i < 3 + 9 * d; ++i) documents[d].push_back(next++);
  }
  return documents;
}

}  // namespace

TEST_CASE("an epoch makes every token a target once, predicted from the one before it") {
  test::TemporaryFolder folder;
  write_tokens(folder.path("t"), some_documents());
  std::vector<TokenFile> files;
  files.push_back(TokenFile::open(folder.path("t"), folder.path("")));
  const TokenCorpus corpus(files);
  std::vector<ExampleSource> sources;
  sources.emplace_back(corpus, find_objective("causal").make({.context_length = 8, .end_of_text = 0}), 8, 3,
                       WindowOrder::shuffled);
  std::vector<std::int64_t> windows;
  for (std::int64_t epoch = 0; epoch < 3; ++epoch) windows.push_back(sources.front().count(epoch));
  WindowSource source(std::move(sources), {1.0}, 8, 3);
  std::vector<TokenId> stream(static_cast<std::size_t>(corpus.size()));
  corpus.copy(0, stream);
  for (std::int64_t epoch = 0; epoch < 3; ++epoch) {
    std::map<TokenId, int> times;
    Batch batch;
    const std::int64_t count = windows[static_cast<std::size_t>(epoch)];
    source.next(batch, count);
    CHECK(source.position().objectives.front() == DataPosition{.epoch = epoch, .index = count});
    for (std::size_t i = 0; i < batch.input.size(); ++i) {
      if (batch.weight[i] == 0) continue;
      times[batch.target[i]] += 1;
      if (batch.target[i] != 0 && batch.input[i] != 0) CHECK(batch.input[i] + 1 == batch.target[i]);
    }
    for (const TokenId id : stream) CHECK(times[id] == (id == 0 ? 4 : 1));
  }
}

TEST_CASE("a stream gives the windows of the file in order, and seeks by reading") {
  test::TemporaryFolder folder;
  write_tokens(folder.path("t"), some_documents());
  const auto objective = find_objective("causal").make({.context_length = 8, .end_of_text = 0});
  TokenReader reader(open_input(folder.path("t")));
  StreamSource source(&reader, *objective, 1, 8);
  std::vector<Batch> batches(1);
  std::vector<std::string> digests;
  std::vector<TokenId> targets;
  for (;;) {
    source.next(batches.back(), 2);
    if (batches.back().sequences == 0) break;
    for (std::size_t i = 0; i < batches.back().target.size(); ++i) {
      if (batches.back().weight[i] != 0) targets.push_back(batches.back().target[i]);
    }
    digests.push_back(source.consumed());
    batches.emplace_back();
  }
  std::vector<TokenId> stream;
  for (const auto& document : some_documents()) {
    stream.insert(stream.end(), document.begin(), document.end());
    stream.push_back(0);
  }
  CHECK(targets == stream);

  TokenReader again(open_input(folder.path("t")));
  StreamSource resumed(&again, *objective, 1, 8);
  resumed.seek({.objectives = {{.epoch = 0, .index = 4}}, .drawn = 4});
  CHECK(resumed.consumed() == digests[1]);
  Batch batch;
  resumed.next(batch, 2);
  CHECK(batch.input == batches[2].input);

  std::vector<std::vector<TokenId>> other = some_documents();
  other[0][0] = 299;
  write_tokens(folder.path("other"), other);
  TokenReader different(open_input(folder.path("other")));
  StreamSource wrong(&different, *objective, 1, 8);
  wrong.seek({.objectives = {{.epoch = 0, .index = 4}}, .drawn = 4});
  CHECK(wrong.consumed() != digests[1]);
  CHECK_THROWS_AS(wrong.seek({.objectives = {{.epoch = 0, .index = 400}}, .drawn = 400}), Error);
}

TEST_CASE("validation scores every token except end-of-text once, each document by itself") {
  const std::vector<TokenId> tokens = {5, 6, 7, 8, 9, 0, 0, 4, 0, 3, 2};
  const ByteTable table;
  std::int64_t bytes = 0;
  for (const TokenId id : tokens) bytes += table.byte_length(id);
  DocumentLoss validator(tokens, 0, {.context_length = 3, .sequences = 2, .opening = {0}, .bytes = bytes});
  ModelConfig config = family_defaults(Family::llama);
  config.n_layers = 1;
  config.channels = 8;
  config.n_heads = config.n_kv_heads = 2;
  config.head_dim = 4;
  config.ffn_dim = 8;
  config.context_length = 3;
  config.vocab_size = kVocabulary;
  Compute compute(1, best_simd_tier());
  Parameters<float> weights(config);
  initialise(compute, weights, 1);
  Activations<float> activations(config, 2, 3, Keep::scoring);
  OneRank ranks;
  const ValidationPart result = validator.evaluate(compute, weights, activations, ranks);

  // The same by hand: windows of at most three targets, from end-of-text or the tokens before; a last one reaches back.
  struct ByHand {
    std::vector<TokenId> tokens;
    std::size_t unscored;  // targets that the window before scored
  };
  const std::vector<ByHand> windows = {{{0, 5, 6, 7}, 0}, {{6, 7, 8, 9}, 1}, {{0, 4}, 0}, {{0, 3, 2}, 0}};
  double nats = 0;
  for (const auto& [window, unscored] : windows) {
    Batch batch{.sequences = 1,
                .length = static_cast<std::int64_t>(window.size()) - 1,
                .input = {},
                .target = {},
                .weight = {},
                .prefix_length = {},
                .document = {},
                .objective = {}};
    batch.input.assign(window.begin(), window.end() - 1);
    batch.target.assign(window.begin() + 1, window.end());
    batch.weight.assign(batch.input.size(), 1.0f);
    std::fill_n(batch.weight.begin(), unscored, 0.0f);
    nats += Transformer<float>(compute, weights).loss(batch, activations).nats;
  }
  CHECK(result.loss == doctest::Approx(nats / 8).epsilon(1e-6));
  REQUIRE(result.bits_per_byte);
  CHECK(*result.bits_per_byte == doctest::Approx(nats / std::log(2.0) / static_cast<double>(bytes)).epsilon(1e-6));
  CHECK_THROWS_AS(DocumentLoss(std::vector<TokenId>{0, 0}, 0, {.context_length = 3, .opening = {0}}), Error);

  // Begin tokens that the stream has give the same as if they were supplied; without any the first token is not scored.
  const auto loss_of = [&](const std::vector<TokenId>& stored, DocumentLossOptions options) {
    options.context_length = 3;
    return DocumentLoss(stored, 0, std::move(options)).evaluate(compute, weights, activations, ranks);
  };
  const double supplied = loss_of({5, 6, 7, 0, 8, 0}, {.opening = {1, 2}}).loss;
  const double stored = loss_of({1, 2, 5, 6, 7, 0, 1, 2, 8, 0}, {.opening = {1, 2}, .opening_is_stored = true}).loss;
  CHECK(supplied == doctest::Approx(stored).epsilon(1e-9));
  const double shorter = loss_of({6, 7, 0, 8, 9, 0}, {.opening = {}}).loss;
  const double first_given = loss_of({7, 0, 0}, {.opening = {6}}).loss,
               second_given = loss_of({9, 0}, {.opening = {8}}).loss;
  CHECK(shorter == doctest::Approx((first_given + second_given) / 2).epsilon(1e-6));
  CHECK(!loss_of({5, 0}, {.opening = {0}}).bits_per_byte);
}

TEST_CASE("a mixture draws sequences by its weights, and each objective walks through its own windows") {
  test::TemporaryFolder folder;
  write_tokens(folder.path("t"), some_documents());
  std::vector<TokenFile> files;
  files.push_back(TokenFile::open(folder.path("t"), folder.path("")));
  const TokenCorpus corpus(files);
  const test::ByteTokenizer tokenizer;
  const auto make = [&] {
    std::vector<ExampleSource> sources;
    sources.emplace_back(corpus, find_objective("causal").make(tokenizer.options(24)), 24, 3, WindowOrder::shuffled, 0);
    sources.emplace_back(corpus, find_objective("fim").make(tokenizer.options(24)), 24, 3, WindowOrder::shuffled, 1);
    return WindowSource(std::move(sources), {0.25, 0.75}, 24, 3);
  };
  WindowSource source = make();
  Batch batch;
  source.next(batch, 10000);
  const auto fim = std::count(batch.objective.begin(), batch.objective.end(), 1);
  CHECK(fim == doctest::Approx(7500).epsilon(0.03));
  // Resuming anywhere gives the same sequences.
  WindowSource first = make();
  first.next(batch, 123);
  WindowSource second = make();
  second.seek(first.position());
  Batch other;
  first.next(batch, 50);
  second.next(other, 50);
  CHECK(batch.input == other.input);
  CHECK(batch.objective == other.objective);
  WindowSource causal_alone = [&] {
    std::vector<ExampleSource> sources;
    sources.emplace_back(corpus, find_objective("causal").make(tokenizer.options(24)), 24, 3, WindowOrder::shuffled, 0);
    return WindowSource(std::move(sources), {1.0}, 24, 3);
  }();
  CHECK_THROWS_AS(causal_alone.seek(first.position()), Error);
}
