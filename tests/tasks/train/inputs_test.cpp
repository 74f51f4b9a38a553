#include "tasks/train/inputs.h"

#include <doctest/doctest.h>

#include "base/error.h"
#include "objectives/objective.h"
#include "tasks/train/examples.h"
#include "tasks/train/train_data.h"

using namespace lm;

TEST_CASE("inputs hold the tokenizer, the corpus and what is held out of it") {
  const test::TrainFolder folder;
  TrainRequest request = folder.request(folder.tokens("a.tok", 40));
  const TrainInputs whole = open_inputs(request);
  CHECK(whole.tokenizer.fingerprint() == folder.tokenizer().fingerprint());
  REQUIRE(whole.corpus);
  CHECK(whole.stream == nullptr);
  CHECK_FALSE(whole.valid);
  CHECK_FALSE(whole.initial);
  CHECK(valid_identity(whole).empty());

  request.settings.valid_fraction = 0.25;
  const TrainInputs divided = open_inputs(request);
  REQUIRE(divided.valid);
  CHECK(divided.valid_documents == 10);
  CHECK(divided.corpus->size() + divided.valid->size() == whole.corpus->size());
  CHECK(data_identity(divided) != data_identity(whole));
  CHECK(data_identity(open_inputs(request)) == data_identity(divided));
  CHECK(valid_identity(divided) == valid_identity(open_inputs(request)));
}

TEST_CASE("held-out data may be a file of its own; two kinds of it are refused") {
  const test::TrainFolder folder;
  TrainRequest request = folder.request(folder.tokens("a.tok"));
  request.valid = folder.tokens("b.tok", 7);
  const TrainInputs inputs = open_inputs(request);
  REQUIRE(inputs.valid);
  CHECK(inputs.valid_documents == 7);
  request.settings.valid_fraction = 0.5;
  CHECK_THROWS_AS(open_inputs(request), SettingsError);
}

TEST_CASE("one pass opens a stream, and refuses what a stream cannot serve") {
  const test::TrainFolder folder;
  TrainRequest request = folder.request(folder.tokens("a.tok"));
  request.settings.one_pass = true;
  const TrainInputs inputs = open_inputs(request);
  CHECK_FALSE(inputs.corpus);
  REQUIRE(inputs.stream != nullptr);
  CHECK(data_identity(inputs) == "stream");

  TrainRequest epochs = request;
  epochs.budget = {.epochs = 2};
  CHECK_THROWS_WITH_AS(open_inputs(epochs), doctest::Contains("--epochs"), SettingsError);
  TrainRequest decaying = request;
  decaying.budget = {.seconds = 5.0};
  CHECK_THROWS_WITH_AS(open_inputs(decaying), doctest::Contains("needs --steps or --tokens"), SettingsError);
  for (const char* objective : {"causal,fim", "fim"}) {
    TrainRequest shuffled = request;
    shuffled.settings.objective = parse_mixture(objective);
    shuffled.settings.model.context = 64;
    shuffled.tokens = {folder.path("missing.tok")};  // refused before the stream is opened
    CHECK_THROWS_WITH_AS(open_inputs(shuffled), doctest::Contains("leave --one-pass out"), SettingsError);
  }
  TrainRequest two = request;
  two.tokens.push_back(two.tokens.front());
  CHECK_THROWS_WITH_AS(open_inputs(two), doctest::Contains("reads one stream, got 2"), SettingsError);
}

TEST_CASE("settings that no data can put right are refused before data is read") {
  const test::TrainFolder folder;
  TrainRequest request = folder.request(folder.path("missing.tok"));
  CHECK_THROWS_WITH_AS(open_inputs(request), doctest::Contains("missing.tok"), Error);
  TrainRequest heads = request;
  heads.settings.model.heads = 3;
  CHECK_THROWS_WITH_AS(open_inputs(heads), doctest::Contains("--heads 3 does not divide --channels 16"), SettingsError);
  TrainRequest step = request;
  step.settings.trainer.batch_sequences = kLargestStep;
  CHECK_THROWS_WITH_AS(open_inputs(step), doctest::Contains("tokens a step"), SettingsError);
  TrainRequest best = request;
  best.settings.trainer.keep = KeepWeights::best;
  CHECK_THROWS_WITH_AS(open_inputs(best), doctest::Contains("need held-out data"), SettingsError);
  TrainRequest output = request;
  output.output = folder.path("no/such/folder/model.lm");
  CHECK_THROWS_WITH_AS(open_inputs(output), doctest::Contains("no/such/folder"), Error);
}

TEST_CASE("a model may have more ids than the tokenizer, or fewer if those do not occur, which is checked before training") {
  const test::TrainFolder folder;
  const auto model_of = [&](const char* name, std::int64_t vocab_size) {
    TextModel model = test::special_model("causal");
    model.model.record.config.vocab_size = vocab_size;
    save_model(folder.path(name), model.model.record, Parameters<float>(model.config()));
    return folder.path(name);
  };
  TrainRequest request = folder.request(folder.tokens("a.tok"));
  request.settings.model = {};
  request.named = {};
  request.settings.model.context = 16;
  const std::int64_t all = folder.tokenizer().vocab_size();
  for (const std::int64_t vocab_size : {all + 5, all, all - 1, std::int64_t{260}}) {
    CAPTURE(vocab_size);
    request.init_from = model_of("some", vocab_size);
    const TrainInputs inputs = open_inputs(request);
    CHECK(inputs.vocab_size == vocab_size);
    CHECK(inputs.notes.empty() == (vocab_size == all));  // the tokenizer has a file of its own: is it the model's?
  }
  request.init_from = model_of("few", 258);  // "ab" is id 258
  CHECK_THROWS_WITH_AS(open_inputs(request), doctest::Contains("a.tok': it has token 258 (\"ab\")"), Error);
  TrainRequest valid = request;
  valid.tokens = {folder.tokens_of("plain.tok", "xyz xyz xyz")};
  open_inputs(valid);
  valid.valid = request.tokens.front();
  CHECK_THROWS_WITH_AS(open_inputs(valid), doctest::Contains("token 258"), Error);
  TrainRequest stream = request;
  stream.settings.one_pass = true;
  const TrainInputs streamed = open_inputs(stream);  // which may end before it occurs
  const TrainExamples examples = open_examples(stream.settings, streamed);
  Batch batch;
  CHECK_THROWS_WITH_AS(examples.source().next(batch, 8), doctest::Contains("token 258"), Error);
  request.tokens = {folder.path("missing.tok")};
  request.init_from = model_of("none", 1);
  CHECK_THROWS_WITH_AS(open_inputs(request), doctest::Contains("missing.tok"), Error);
  request.settings.objective = parse_mixture("masked");
  request.tokens = valid.tokens;
  request.init_from = model_of("few", 258);
  const TrainInputs masked = open_inputs(request);
  CHECK_THROWS_WITH_AS(open_examples(request.settings, masked), doctest::Contains("<|mask|>, id "), Error);
}

TEST_CASE("tokens that another tokenizer made are refused; a stream of end-of-text alone is noted") {
  const test::TrainFolder folder;
  const TrainRequest other = folder.request(folder.tokens_of("other.tok", 5, test::byte_tokenizer()));
  CHECK_THROWS_WITH_AS(open_inputs(other), doctest::Contains("made with tokenizer"), Error);
  CHECK(only_end_of_text("x").find("nothing but end-of-text") != std::string::npos);
}
