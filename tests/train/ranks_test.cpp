// Runs that several ranks share: the bits of one process, whoever computes, reads, saves or fails.
#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "support/test_data.h"
#include "support/thread_ranks.h"
#include "support/tiny_model.h"
#include "train/ranks/together.h"
#include "train/shared_observer.h"
#include "train/state_file.h"
#include "train/trainer.h"

namespace {

using namespace lm;

/// Sequences that their number decides, in batches that end after `total` of them.
class NumberedSource : public BatchSource {
 public:
  explicit NumberedSource(std::int64_t vocab_size, std::int64_t total = 1 << 20) : vocab_size_(vocab_size), total_(total) {}
  void next(Batch& batch, std::int64_t sequences) override {
    std::int64_t& place = position_.objectives.front().index;
    if (place == fails_at) throw Error("no more data can be read");
    const std::int64_t count = std::min(sequences, total_ - place);
    begin_batch(batch, 8);
    for (std::int64_t i = 0; i < count; ++i, ++place) {
      const Batch one = test::random_batch(1, 8, vocab_size_, static_cast<std::uint64_t>(place));
      Example example{.input = one.input, .target = one.target, .weight = one.weight, .prefix_length = 0, .document = {}};
      append_example(batch, example, 0);
    }
  }
  SourcePosition position() const override { return position_; }
  void count(SourceCounts&) const override {}
  void seek(const SourcePosition& position) override { position_ = position; }
  std::int64_t fails_at = -1;

 private:
  std::int64_t vocab_size_, total_;
  SourcePosition position_;
};

class StepWatch : public TrainObserver {
 public:
  void on_step(const StepReport& report) override {
    reports.push_back(report);
    if (after_step) after_step();
  }
  RunRequests requests() override { return {.stop = stops}; }
  void maybe_save(const RunRequests&) override {
    if (save) save();
  }
  double now() override { return clock += 2.5; }
  std::vector<StepReport> reports;
  std::function<void()> after_step, save;
  bool stops = false;
  double clock = 0;
};

TrainerOptions eight_passes(OptimizerKind optimizer) {
  TrainerOptions options;
  options.batch_sequences = 16;
  options.micro_batch_sequences = 2;
  options.context_length = 8;
  options.total_steps = 5;
  options.schedule = {.kind = ScheduleKind::wsd, .learning_rate = 3e-3, .warmup_steps = 2};
  options.optimizer.kind = optimizer;
  options.clip = 0.5;  // below the norm: its bits matter
  options.seed = 5;
  return options;
}

ModelConfig with_dropout(ModelConfig config) {
  config.dropout = 0.1;
  return config;
}

/// A run of one rank or of the only process.
struct RankRun {
  RankRun(const ModelConfig& config, const TrainerOptions& options, Ranks* ranks, std::int64_t total = 1 << 20)
      : compute(1, best_simd_tier()),
        source(config.vocab_size, total),
        trainer(compute, config, options, source, nullptr, {}, ranks),
        shared(watch, trainer.ranks(), trainer) {}
  void start() {
    initialise(compute, trainer.weights(), 5);
    trainer.begin();
  }
  void save(const std::string& path) {
    save_state(path, {.config = trainer.weights().config(), .objective = "causal", .settings = "{}", .state = {}}, trainer);
  }
  /// Writes the state, by rank 0, and ends.
  void finish(const std::string& path) {
    if (trainer.ranks().rank() > 0) return trainer.follow();
    save(path);
    trainer.release();
  }
  Compute compute;
  NumberedSource source;
  StepWatch watch;
  Trainer trainer;
  SharedObserver shared;
};

std::string bytes_at(const std::string& path) { return std::string(FileContent::read(path, {}).text()); }

/// Returns the bytes of the state after a run on so many ranks; 0: a plain run.
std::string trained_state(const ModelConfig& config, const TrainerOptions& options, int count,
                          std::int64_t total = 1 << 20) {
  const test::TemporaryFolder folder;
  const auto train = [&](Ranks* ranks) {
    RankRun run(config, options, ranks, total);
    run.start();
    run.trainer.run(run.shared);
    run.finish(folder.path("state"));
  };
  if (count == 0) {
    train(nullptr);
  } else {
    test::run_ranks(count, [&](Ranks& ranks) { train(&ranks); });
  }
  return bytes_at(folder.path("state"));
}

}  // namespace

TEST_CASE("any number of ranks gives the state of one process, bit by bit, for every family and optimizer") {
  std::vector<test::NamedConfig> configs = test::tiny_configs();
  for (test::NamedConfig& named : configs) named.config = with_dropout(named.config);
  for (const test::NamedConfig& named : test::feature_configs()) configs.push_back(named);
  // Of some tiles, so that ranks share the ranges of a tensor.
  test::NamedConfig large = test::tiny_configs().front();
  large.config.vocab_size = 4200;
  configs.push_back({"a large vocabulary", large.config});
  for (const test::NamedConfig& named : configs) {
    CAPTURE(named.name);
    for (const OptimizerKind optimizer : {OptimizerKind::adamw, OptimizerKind::muon}) {
      CAPTURE(to_string(optimizer));
      const TrainerOptions options = eight_passes(optimizer);
      const std::string plain = trained_state(named.config, options, 0);
      for (const int count : {1, 2, 4, 8}) {
        CAPTURE(count);
        CHECK(trained_state(named.config, options, count) == plain);
      }
    }
  }
}

TEST_CASE("data that ends inside a step leave ranks without a part, and the same state") {
  const ModelConfig config = with_dropout(test::tiny_configs().back().config);
  const TrainerOptions options = eight_passes(OptimizerKind::muon);
  for (std::int64_t rest = 1; rest < 16; ++rest) {
    CAPTURE(rest);
    const std::string plain = trained_state(config, options, 0, 32 + rest);
    for (const int count : {2, 4, 8}) CHECK(trained_state(config, options, count, 32 + rest) == plain);
  }
}

TEST_CASE("a state of any number of ranks is resumed by any other, to the same bytes") {
  const ModelConfig config = with_dropout(test::tiny_configs().back().config);
  const test::TemporaryFolder folder;
  for (const OptimizerKind optimizer : {OptimizerKind::adamw, OptimizerKind::muon}) {
    TrainerOptions options = eight_passes(optimizer);
    const std::string plain = trained_state(config, options, 0);
    for (const auto& [before, after] : {std::pair{1, 8}, {8, 1}, {2, 4}, {4, 2}}) {
      CAPTURE(before);
      CAPTURE(after);
      // Saved while it runs, and only by rank 0; then a rank other than 0 asks to save and to stop.
      test::run_ranks(before, [&](Ranks& ranks) {
        RankRun run(config, options, &ranks);
        run.start();
        run.watch.save = [&] { run.save(folder.path("state")); };
        std::int64_t steps = 0;
        run.source.fails_at = -1;
        run.watch.after_step = [&] { ++steps; };
        class StopAfterTwo final : public TrainObserver {
         public:
          StopAfterTwo(TrainObserver& inner, bool asks) : inner_(inner), asks_(asks) {}
          void on_step(const StepReport& report) override { inner_.on_step(report); }
          RunRequests requests() override {
            ++asked_;
            return {.stop = asks_ && asked_ == 3 ? 15 : 0, .save = asks_ && asked_ == 2};
          }
          void maybe_save(const RunRequests& requests) override {
            if (requests.save != (asked_ == 2)) throw std::logic_error("rank 0 was not asked to save after two steps");
            inner_.maybe_save(requests);
          }
          double now() override { return inner_.now(); }

         private:
          TrainObserver& inner_;
          bool asks_;
          int asked_ = 0;
        } stop(run.watch, ranks.rank() + 1 == ranks.size());
        SharedObserver shared(stop, ranks, run.trainer);
        const StopReason reason = run.trainer.run(shared);
        if (reason != StopReason::interrupted || shared.stop() != 15)
          throw std::logic_error("a rank asked to stop, and they did not");
      });
      test::run_ranks(after, [&](Ranks& ranks) {
        RankRun run(config, options, &ranks);
        StateFile::open(folder.path("state")).load_into(run.trainer);
        if (run.trainer.state().step != 2) throw std::logic_error("not the state of the second step");
        run.trainer.run(run.shared);
        run.finish(folder.path("end"));
      });
      // The clock went on elsewhere.
      const std::string end = bytes_at(folder.path("end"));
      CHECK(end.size() >= plain.size() - 8);
      const StateFile state = StateFile::open(folder.path("end"));
      RankRun whole(config, options, nullptr), resumed(config, options, nullptr);
      whole.start();
      whole.trainer.run(whole.watch);
      state.load_into(resumed.trainer);
      for (const Moment which : {Moment::first, Moment::second}) {
        const TensorView<float> a = whole.trainer.moment(which).flat(), b = resumed.trainer.moment(which).flat();
        CHECK(std::memcmp(a.data(), b.data(), static_cast<std::size_t>(a.size()) * sizeof(float)) == 0);
      }
      const TensorView<float> a = whole.trainer.weights().flat(), b = resumed.trainer.weights().flat();
      CHECK(std::memcmp(a.data(), b.data(), static_cast<std::size_t>(a.size()) * sizeof(float)) == 0);
    }
  }
}

TEST_CASE("the clock is rank 0's, so that a budget in time ends all ranks at one step") {
  const ModelConfig config = test::tiny_configs().back().config;
  TrainerOptions options = eight_passes(OptimizerKind::adamw);
  options.total_steps.reset();
  options.seconds = 60.0;
  std::vector<std::int64_t> steps(4);
  test::run_ranks(4, [&](Ranks& ranks) {
    RankRun run(config, options, &ranks);
    run.watch.clock = 1000.0 * ranks.rank();
    run.start();
    run.trainer.run(run.shared);
    steps[static_cast<std::size_t>(ranks.rank())] = run.trainer.state().step;
    if (ranks.rank() > 0 && !run.watch.reports.empty()) throw std::logic_error("only rank 0 shows steps");
  });
  CHECK(steps[0] > 10);
  CHECK(std::count(steps.begin(), steps.end(), steps[0]) == 4);
}

TEST_CASE("data that one rank cannot read end all of them, before the step") {
  const ModelConfig config = test::tiny_configs().back().config;
  std::atomic<int> failed = 0, others = 0;
  test::run_ranks(4, [&](Ranks& ranks) {
    RankRun run(config, eight_passes(OptimizerKind::adamw), &ranks);
    run.start();
    if (ranks.rank() == 2) run.source.fails_at = 32;
    try {
      run.trainer.run(run.shared);
    } catch (const Error& error) {
      if (!run.trainer.failed_at_data() || !run.trainer.step_is_whole() || run.trainer.state().step != 2) throw;
      const std::string reason = "no more data can be read", message = error.what();
      if (ranks.rank() == 2 && message == reason) failed += 1;
      if (ranks.rank() != 2 && message == "rank 2: " + reason) others += 1;
    }
  });
  CHECK(failed == 1);
  CHECK(others == 3);
}

TEST_CASE("what ranks fail at together is one message on all: the lowest one's, with its rank unless that is 0") {
  const auto messages = [](const std::function<void(int)>& part) {
    std::vector<std::string> all(8);
    test::run_ranks(8, [&](Ranks& ranks) {
      std::string& message = all[static_cast<std::size_t>(ranks.rank())];
      try {
        together(ranks, [&] { part(ranks.rank()); });
      } catch (const SettingsError& error) {
        message = std::string("settings: ") + error.what();
      } catch (const Error& error) {
        message = error.what();
      }
    });
    return all;
  };
  const std::vector<std::string> none(8), all_fail = messages([](int) { throw Error("no file"); });
  CHECK(messages([](int) {}) == none);
  CHECK(all_fail == std::vector<std::string>(8, "no file"));
  const std::vector<std::string> some = messages([](int rank) {
    if (rank > 4) throw Error("no file of " + std::to_string(rank));
  });
  CHECK(some[5] == "no file of 5");
  for (const int rank : {0, 4, 7})
    CHECK(some[static_cast<std::size_t>(rank)] == "rank 5: no file of 5 (2 other ranks fail too)");
  const std::vector<std::string> one = messages([](int rank) {
    if (rank == 7) throw SettingsError("too large");
  });
  CHECK(one.front() == "settings: rank 7: too large");
  test::run_ranks(2, [&](Ranks& ranks) {
    if (together(ranks, [&] { return ranks.rank() + 1; }) != ranks.rank() + 1) throw std::logic_error("another result");
  });
}

TEST_CASE("a moment that is not finite on any rank is not saved") {
  const ModelConfig config = test::tiny_configs().back().config;
  const test::TemporaryFolder folder;
  std::atomic<int> refused = 0;
  test::run_ranks(4, [&](Ranks& ranks) {
    RankRun run(config, eight_passes(OptimizerKind::adamw), &ranks);
    run.start();
    run.trainer.run(run.shared);
    if (ranks.rank() == 3) run.trainer.moment(Moment::second).flat()[0] = std::numeric_limits<float>::infinity();
    if (ranks.rank() > 0) return run.trainer.follow();
    try {
      run.save(folder.path("state"));
    } catch (const Error&) {
      refused += 1;
    }
    run.trainer.release();
  });
  CHECK(refused == 1);
}

TEST_CASE("shards are runs of whole matrices and of tiles, of about equal size, and each rank knows its own") {
  for (const test::NamedConfig& named : test::feature_configs()) {
    CAPTURE(named.name);
    ModelConfig config = named.config;
    config.vocab_size = 30'000;
    config.n_layers = 3;
    const Parameters<float> shapes = Parameters<float>::shapes(config);
    for (const OptimizerKind kind : {OptimizerKind::adamw, OptimizerKind::muon}) {
      const Shards one(shapes, kind, 1);
      for (const int count : {2, 4, 8}) {
        const Shards shards(shapes, kind, count);
        std::int64_t elements = 0, last[2] = {0, 0};
        for (int shard = 0; shard < count; ++shard) elements += shards.elements(shard, shard + 1);
        CHECK(elements == parameter_count(config));
        CHECK(shards.tiles() == one.tiles());
        for (std::size_t i = 0; i < shards.units().size(); ++i) {
          std::int64_t& before = last[shards.units()[i].rows > 0 ? 1 : 0];
          CHECK(shards.shard_of(i) >= before);
          before = shards.shard_of(i);
        }
        for (int rank = 0; rank < count; ++rank) CHECK(rank_of_shard(shard_of_rank(rank, count), count) == rank);
      }
      const std::int64_t whole = Optimizer::bytes(config, {.kind = kind}, 1);
      CHECK(static_cast<double>(Optimizer::bytes(config, {.kind = kind}, 2)) < 0.55 * static_cast<double>(whole));
      CHECK(static_cast<double>(Optimizer::bytes(config, {.kind = kind}, 4)) < 0.30 * static_cast<double>(whole));
    }
  }
}

TEST_CASE("a step sends the bytes that are forecast") {
  const ModelConfig config = test::tiny_configs().front().config;
  const TrainerOptions options = eight_passes(OptimizerKind::muon);
  for (const int count : {2, 4, 8}) {
    std::vector<std::int64_t> sent(static_cast<std::size_t>(count));
    SentBytes expected;
    test::run_ranks(count, [&](Ranks& ranks) {
      RankRun run(config, options, &ranks);
      run.start();
      run.trainer.run(run.shared);
      sent[static_cast<std::size_t>(ranks.rank())] = dynamic_cast<test::ThreadRank&>(ranks).sent;
      if (ranks.rank() == 0) expected = RankSum::sent(run.trainer.optimizer().shards(), 16, 8, 1);
    });
    CHECK(*std::max_element(sent.begin(), sent.end()) == 5 * (expected.gradients + expected.weights));
  }
}
