// Every objective through the model and the trainer: gradients, learning by heart, resuming, threads.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>

#include "model/transformer.h"
#include "objectives/mixture.h"
#include "support/byte_tokenizer.h"
#include "support/test_data.h"
#include "support/thread_ranks.h"
#include "support/tiny_model.h"
#include "train/state_file.h"
#include "train/trainer.h"
#include "train/window_source.h"

namespace {

using namespace lm;

constexpr std::int64_t kContext = 40;
const std::vector<std::string> kMixtures = {"causal",        "masked", "prefix", "span", "fim", "causal:0.5,masked:0.5",
                                            "causal:1,fim:2"};

/// Some documents of text, in a token file.
class Corpus {
 public:
  Corpus() {
    const std::unique_ptr<OutputStream> output = open_output(folder_.path("t"));
    TokenWriter writer(
        *output, {.vocab_size = tokenizer.vocab_size(), .end_of_text = 0, .fingerprint = {}, .tokens = {}, .documents = {}});
    for (int document = 0; document < 12; ++document) {
      std::string text;
      for (int word = 0; word < 10 + 3 * document; ++word)
        text += (word % 7 == 3 ? "the " : "ab" + std::to_string(word * document) + " ");
      writer.write(tokenizer.encode(text + "caf\xC3\xA9\n"));
      writer.end_document();
    }
    writer.finish();
    output->close();
    files_.push_back(TokenFile::open(folder_.path("t"), folder_.path("")));
  }

  std::vector<ExampleSource> sources(const std::string& mixture, std::uint64_t seed) const {
    std::vector<ExampleSource> sources;
    const Mixture parts = parse_mixture(mixture);
    for (const ObjectiveShare& part : parts.shares()) {
      ObjectiveOptions options = tokenizer.options(kContext);
      options.mixed = parts.mixed();
      sources.emplace_back(TokenCorpus(files_), part.entry->make(options), kContext, seed, WindowOrder::shuffled,
                           static_cast<std::int64_t>(sources.size()));
    }
    return sources;
  }

  std::unique_ptr<WindowSource> source(const std::string& mixture, std::uint64_t seed) const {
    std::vector<double> shares;
    for (const ObjectiveShare& part : parse_mixture(mixture).shares()) shares.push_back(part.share);
    return std::make_unique<WindowSource>(sources(mixture, seed), shares, kContext, seed);
  }

  test::ByteTokenizer tokenizer;

 private:
  test::TemporaryFolder folder_;
  std::vector<TokenFile> files_;
};

ModelConfig model_config(const Corpus& corpus, std::int64_t channels) {
  ModelConfig config = family_defaults(Family::qwen3);
  config.n_layers = 2;
  config.channels = channels;
  config.n_heads = 2;
  config.n_kv_heads = 1;
  config.head_dim = channels / 2;
  config.ffn_dim = 2 * channels;
  config.context_length = kContext;
  config.vocab_size = corpus.tokenizer.vocab_size();
  return config;
}

class Quiet : public TrainObserver {
 public:
  void on_step(const StepReport& report) override { last = report; }
  RunRequests requests() override { return {.stop = last.step == stop_at}; }
  void maybe_save(const RunRequests&) override {}
  double now() override { return 0; }
  StepReport last;
  std::int64_t stop_at = -1;
};

/// The same batch at every step.
class Repeat : public BatchSource {
 public:
  Repeat(BatchSource& source, std::int64_t sequences) {
    source.next(batch_, sequences);
    position_ = source.position();
  }
  void next(Batch& batch, std::int64_t) override { batch = batch_; }
  SourcePosition position() const override { return position_; }
  void count(SourceCounts&) const override {}
  void seek(const SourcePosition&) override {}

 private:
  Batch batch_;
  SourcePosition position_;
};

double loss_at(Compute& compute, const Parameters<double>& centre, const Parameters<double>& direction, double step,
               const Batch& batch, Activations<double>& activations) {
  Parameters<double> weights(centre.config());
  for (std::int64_t i = 0; i < weights.flat().size(); ++i) weights.flat()[i] = centre.flat()[i] + step * direction.flat()[i];
  return Transformer<double>(compute, weights).loss(batch, activations).nats;
}

TrainerOptions run_options(std::int64_t steps) {
  TrainerOptions options;
  options.batch_sequences = 6;
  options.micro_batch_sequences = 2;
  options.context_length = kContext;
  options.total_steps = steps;
  options.schedule = {.kind = ScheduleKind::wsd, .learning_rate = 3e-3, .warmup_steps = 3};
  options.optimizer.kind = OptimizerKind::adamw;
  return options;
}

bool same_weights(const Parameters<float>& a, const Parameters<float>& b) {
  return std::memcmp(a.flat().data(), b.flat().data(), static_cast<std::size_t>(a.flat().size()) * sizeof(float)) == 0;
}

}  // namespace

TEST_CASE("the gradient of every objective's examples equals central differences along every tensor") {
  const Corpus corpus;
  Compute compute(1, SimdTier::portable);
  for (const std::string& mixture : kMixtures) {
    CAPTURE(mixture);
    Batch batch;
    corpus.source(mixture, 1)->next(batch, 3);
    Parameters<double> weights(model_config(corpus, 8));
    test::randomise(weights, 2, 0.3);
    Parameters<double> gradients(weights.config());
    Activations<double> activations(weights.config(), 3, kContext, Keep::training);
    Transformer<double> transformer(compute, weights);
    transformer.forward(batch, activations);
    CHECK(transformer.backward(batch, activations, gradients, 1.0).weight > 0);
    for (const TensorSpec& spec : weights.tensors()) {
      CAPTURE(spec.name);
      Parameters<double> direction(weights.config());
      Rng rng(3, RngPurpose::test, static_cast<std::uint64_t>(spec.offset));
      double analytic = 0;
      for (std::int64_t i = 0; i < spec.size(); ++i) {
        direction.view(spec).data()[i] = rng.normal() / std::sqrt(static_cast<double>(spec.size()));
        analytic += direction.view(spec).data()[i] * gradients.view(spec).data()[i];
      }
      const auto at = [&](double step) { return loss_at(compute, weights, direction, step, batch, activations); };
      const double h = 1e-3;
      const double numeric = (at(-2 * h) - 8 * at(-h) + 8 * at(h) - at(2 * h)) / (12 * h);
      CHECK(std::fabs(analytic - numeric) <= 1e-6 * std::max({std::fabs(analytic), std::fabs(numeric), 0.1}));
    }
  }
}

TEST_CASE("one batch of every objective can be learned by heart") {
  const Corpus corpus;
  Compute compute(2, best_simd_tier());
  for (const std::string& mixture : kMixtures) {
    CAPTURE(mixture);
    const auto source = corpus.source(mixture, 4);
    Repeat repeat(*source, 2);
    TrainerOptions options = run_options(400);
    options.batch_sequences = options.micro_batch_sequences = 2;
    options.schedule.learning_rate = 1e-2;
    options.optimizer.weight_decay = 0;
    const ModelConfig config = model_config(corpus, 64);
    Trainer trainer(compute, config, options, repeat, nullptr);
    initialise(compute, trainer.weights(), 5);
    Quiet observer;
    trainer.run(observer);
    CHECK(observer.last.loss < 0.05);
  }
}

TEST_CASE("every objective resumes bit by bit, for any number of threads") {
  const Corpus corpus;
  test::TemporaryFolder folder;
  for (const std::string& mixture : kMixtures) {
    CAPTURE(mixture);
    const auto run = [&](int threads, std::int64_t stop_at, bool resumes, Parameters<float>* result) {
      Compute compute(threads, best_simd_tier());
      const auto source = corpus.source(mixture, 6);
      ModelConfig config = model_config(corpus, 16);
      config.dropout = 0.1;
      Trainer trainer(compute, config, run_options(20), *source, nullptr);
      initialise(compute, trainer.weights(), 7);
      trainer.begin();
      if (resumes) StateFile::open(folder.path("state")).load_into(trainer);
      Quiet observer;
      observer.stop_at = stop_at;
      trainer.run(observer);
      save_state(folder.path("state"), {.config = config, .objective = mixture, .settings = "{}", .state = {}}, trainer);
      *result = std::move(trainer.weights());
      return trainer.state();
    };
    const ModelConfig config = model_config(corpus, 16);
    Parameters<float> whole(config), half(config), resumed(config);
    const TrainState whole_state = run(2, -1, false, &whole);
    run(1, 9, false, &half);
    const TrainState resumed_state = run(3, -1, true, &resumed);
    CHECK(same_weights(whole, resumed));
    CHECK(!same_weights(whole, half));
    CHECK(whole_state.position == resumed_state.position);
    CHECK(whole_state.tokens == resumed_state.tokens);
  }
}

TEST_CASE("every objective gives the same state on any number of ranks, with held-out data and an average") {
  const Corpus corpus;
  test::TemporaryFolder folder;
  for (const std::string& mixture : kMixtures) {
    CAPTURE(mixture);
    const auto state_of = [&](int count) {
      const std::string path = folder.path("state" + std::to_string(count));
      const auto train = [&](Ranks* ranks) {
        Compute compute(1 + count % 2, best_simd_tier());
        const auto source = corpus.source(mixture, 6);
        std::vector<Validator::Part> parts;
        for (ExampleSource& held_out : corpus.sources(mixture, 9))
          parts.push_back({.share = 1, .loss = ExampleLoss(std::move(held_out), kContext, 2)});
        Validator validator(std::move(parts));
        ModelConfig config = model_config(corpus, 16);
        config.dropout = 0.1;
        TrainerOptions options = run_options(6);
        options.batch_sequences = 15;  // the last micro-batch is smaller
        options.optimizer.kind = OptimizerKind::muon;
        options.average_decay = 0.9;
        options.valid_every = 3;
        options.keep = KeepWeights::best;
        Trainer trainer(compute, config, options, *source, &validator, {}, ranks);
        initialise(compute, trainer.weights(), 7);
        trainer.begin();
        Quiet observer;
        trainer.run(observer);
        if (trainer.ranks().rank() > 0) return trainer.follow();
        save_state(path, {.config = config, .objective = mixture, .settings = "{}", .state = {}}, trainer);
        trainer.release();
      };
      if (count == 0) {
        train(nullptr);
      } else {
        test::run_ranks(count, [&](Ranks& ranks) { train(&ranks); });
      }
      return FileContent::read(path, {});
    };
    const FileContent plain = state_of(0);
    for (const int count : {2, 4, 8}) {
      CAPTURE(count);
      CHECK(plain.text() == state_of(count).text());
    }
  }
}
