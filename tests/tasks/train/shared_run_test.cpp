// Runs that several ranks share, from request to model file: how steps are divided, what is dealt out, and what is refused.
#include <doctest/doctest.h>
#include <sys/stat.h>

#include <atomic>
#include <cctype>
#include <string>
#include <thread>

#include "base/error.h"
#include "support/thread_ranks.h"
#include "tasks/train/agreement.h"
#include "tasks/train/dealt_tokens.h"
#include "tasks/train/run.h"
#include "tasks/train/train_data.h"
#include "tasks/train/verified_files.h"

using namespace lm;

namespace {

/// A machine of a fixed speed, which is counted.
Machine counted_machine(std::atomic<int>& measured) {
  return {.tier = SimdTier::portable,
          .fastest_precision = [] { return Precision::fp32; },
          .peak_flops =
              [&measured] {
                ++measured;
                return 1e9;
              }};
}

class Endless : public TrainObserver {
 public:
  void on_step(const StepReport&) override {}
  RunRequests requests() override { return {}; }
  void maybe_save(const RunRequests&) override {}
  double now() override { return 0; }
};

/// Makes a run of the request as one of the ranks, or as the only process; rank 0 writes the model.
void train_as(TrainRequest request, Ranks* ranks) {
  std::atomic<int> measured = 0;
  request.ranks = ranks != nullptr ? ranks->size() : 1;
  request.rank = ranks != nullptr ? ranks->rank() : 0;
  Compute compute(1, SimdTier::portable);
  TrainInputs inputs = open_inputs(request, ranks);
  TrainPlan plan = plan_fresh(request, inputs, counted_machine(measured));
  if (ranks != nullptr) require_same_facts(*ranks, facts_of(plan, inputs));
  TrainRun run(std::move(plan), inputs, compute);
  Endless observer;
  const StopReason reason = run.run(observer);
  if (!run.leads()) return run.follow();
  run.save_results(reason);
  run.release();
}

/// Returns the numbers of "<words>5, 4 or 2" in a text; none without the words.
std::vector<std::int64_t> numbers_after(const std::string& text, const std::string& words) {
  std::vector<std::int64_t> numbers;
  std::size_t place = text.find(words);
  if (place == std::string::npos) return numbers;
  for (place += words.size(); place < text.size() && std::isdigit(static_cast<unsigned char>(text[place])) != 0;) {
    std::size_t read = 0;
    numbers.push_back(std::stoll(text.substr(place), &read));
    place += read;
    for (const std::string between : {", ", " or "}) {
      if (text.compare(place, between.size(), between) == 0) place += between.size();
    }
  }
  return numbers;
}

TrainRequest shared_request(const test::TrainFolder& folder, const std::string& tokens) {
  TrainRequest request = folder.request(tokens);
  request.settings.trainer.batch_sequences = 8;
  request.settings.micro_batch = 1;
  request.named.add(Setting::micro_batch);
  return request;
}

}  // namespace

TEST_CASE("ranks write the model file of one process: from a file, held-out data and a stream in one pass") {
  const test::TrainFolder folder;
  const std::string tokens = folder.tokens("a.tok", 60);
  TrainRequest held_out = shared_request(folder, tokens), one_pass = shared_request(folder, tokens);
  held_out.settings.valid_fraction = 0.2;
  held_out.valid_every = 3;
  held_out.settings.trainer.average_decay = 0.9;
  one_pass.settings.one_pass = true;
  one_pass.settings.trainer.schedule.kind = ScheduleKind::constant;
  one_pass.budget.steps = 100'000;  // the end of the data comes before
  for (TrainRequest request : {shared_request(folder, tokens), held_out, one_pass}) {
    request.unfinished = UnfinishedState::replace;
    train_as(request, nullptr);
    const std::string plain = test::read_file(request.output);
    for (const int count : {2, 4, 8}) {
      CAPTURE(count);
      request.output = folder.path("shared.lm");
      test::run_ranks(count, [&](Ranks& ranks) { train_as(request, &ranks); });
      CHECK(test::read_file(request.output) == plain);
    }
  }
}

TEST_CASE("a pipe is read by rank 0 and dealt out") {
  const test::TrainFolder folder;
  const std::string tokens = folder.tokens("a.tok", 60), bytes = test::read_file(tokens);
  REQUIRE(mkfifo(folder.path("pipe").c_str(), 0600) == 0);
  std::thread writer([&] { folder.write("pipe", bytes); });
  const TokenFile whole = TokenFile::open(tokens, folder.path(""));
  std::atomic<int> equal = 0;
  test::run_ranks(4, [&](Ranks& ranks) {
    const TokenFile dealt = open_dealt(ranks, folder.path("pipe"), folder.path("")).file;
    std::vector<TokenId> expected(static_cast<std::size_t>(whole.size())), got = expected;
    whole.tokens(0, expected);
    dealt.tokens(0, got);
    if (dealt.size() == whole.size() && dealt.hash() == whole.hash() && got == expected) ++equal;
  });
  writer.join();
  CHECK(equal == 4);
}

TEST_CASE("several ranks take the largest of R, 2R, 4R, ... equal parts of a step that memory holds on each") {
  const test::TrainFolder folder;
  TrainRequest request = folder.request(folder.tokens("a.tok"));
  request.settings.trainer.batch_sequences = 64;
  request.ranks = 4;
  std::atomic<int> measured = 0;
  const TrainInputs inputs = open_inputs(request);
  const auto plan_with = [&](std::int64_t memory) {
    request.memory = memory;
    return plan_fresh(request, inputs, counted_machine(measured));
  };
  const TrainPlan plenty = plan_with(std::int64_t{1} << 30);
  CHECK(plenty.trainer.micro_batch_sequences == 16);
  CHECK(plenty.notes.front() == "4 ranks take --micro-batch 16, with which 1, 2 or 4 ranks give the same model");
  TrainerOptions smaller = plenty.trainer;
  smaller.micro_batch_sequences = 4;
  const std::int64_t room =
      Trainer::memory(plenty.config, smaller, SimdTier::portable, 1).total() + (std::int64_t{32} << 20);
  CHECK(plan_with(room).trainer.micro_batch_sequences == 4);
  CHECK_THROWS_WITH_AS(plan_with(1 << 20), doctest::Contains("no step fits"), SettingsError);
}

TEST_CASE("steps that ranks cannot share are refused with those that they can") {
  const test::TrainFolder folder;
  TrainRequest request = folder.request(folder.tokens("a.tok"));
  std::atomic<int> measured = 0;
  const TrainInputs inputs = open_inputs(request);
  const auto refusal = [&](std::int64_t batch, std::optional<std::int64_t> micro_batch, int ranks) {
    request.settings.trainer.batch_sequences = batch;
    request.settings.micro_batch = micro_batch;
    request.ranks = ranks;
    try {
      plan_fresh(request, inputs, counted_machine(measured));
    } catch (const SettingsError& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  CHECK(refusal(16, 2, 3) == "3 ranks cannot share a run: their number must be a power of two");
  CHECK(refusal(16, 2, 8).empty());
  CHECK(refusal(16, 1, 8).empty());
  CHECK(refusal(15, 2, 8).empty());  // the last one is smaller
  CHECK(refusal(16, 3, 4) ==
        "--micro-batch 3 of --batch 16 makes steps that 4 ranks cannot share; give --micro-batch 5, 4, 2 or 1, or start 1 "
        "rank");
  CHECK(refusal(16, 8, 4) ==
        "--micro-batch 8 of --batch 16 makes steps that 4 ranks cannot share; give --micro-batch 5, 4, 2 or 1, or start 1 "
        "or 2 "
        "ranks");
  CHECK(refusal(6, {}, 4) == "--batch 6 has no 4 equal parts; give a multiple of 4, or start 1 or 2 ranks");
  CHECK(refusal(9, 5, 4) ==
        "--micro-batch 5 of --batch 9 makes steps that 4 ranks cannot share; give --batch 20, or start 1 or 2 ranks");

  // What a refusal advises is not refused.
  for (const std::int64_t batch : {1, 2, 3, 5, 6, 7, 9, 12, 16, 24, 33}) {
    for (std::int64_t micro_batch = 0; micro_batch <= batch; ++micro_batch) {
      for (const int ranks : {2, 4, 8, 16}) {
        const std::optional<std::int64_t> named = micro_batch > 0 ? std::optional(micro_batch) : std::nullopt;
        const std::string text = refusal(batch, named, ranks);
        if (text.empty()) continue;
        CAPTURE(text);
        for (const std::int64_t size : numbers_after(text, "give --micro-batch "))
          CHECK(refusal(batch, size, ranks).empty());
        for (const std::int64_t other : numbers_after(text, "give --batch ")) CHECK(refusal(other, named, ranks).empty());
        for (const std::int64_t part : numbers_after(text, "give a multiple of "))
          CHECK(refusal(3 * part, named, ranks).empty());
        const std::vector<std::int64_t> fewer = numbers_after(text, "start ");
        CHECK_FALSE(fewer.empty());
        for (const std::int64_t other : fewer) CHECK(refusal(batch, named, static_cast<int>(other)).empty());
      }
    }
  }
}

TEST_CASE("a dry run for so many ranks plans what they will make: a model for the speed of all") {
  const test::TrainFolder folder;
  TrainRequest request = folder.request(folder.tokens("a.tok", 4000));
  request.settings = {};
  request.named = {};
  request.budget = {.seconds = 100.0};
  const auto channels_with = [&](int ranks, double peak) {
    request.ranks = ranks;
    const TrainInputs inputs = open_inputs(request);
    return plan_fresh(request, inputs,
                      {.tier = SimdTier::portable,
                       .fastest_precision = [] { return Precision::fp32; },
                       .peak_flops = [peak] { return peak; }})
        .config.channels;
  };
  CHECK(channels_with(8, 1e10) == channels_with(1, 8e10));
  CHECK(channels_with(8, 1e10) > channels_with(1, 1e10));
}

TEST_CASE("a rank that would make another run is named, on every rank") {
  const test::TrainFolder folder;
  std::atomic<int> named = 0;
  test::run_ranks(4, [&](Ranks& ranks) {
    try {
      require_same_facts(ranks, {{"a program", "1"}, {"training data", ranks.rank() >= 2 ? "b" : "a"}});
    } catch (const Error& error) {
      if (std::string(error.what()).find("rank 2 has training data that differs from rank 0's ('b' and 'a')") == 0) ++named;
    }
  });
  CHECK(named == 4);
}

namespace {

/// Returns the message with which all of two ranks refuse these facts.
std::string refusal(const RankFacts& first, const RankFacts& second) {
  std::vector<std::string> messages(2);
  test::run_ranks(2, [&](Ranks& ranks) {
    try {
      require_same_facts(ranks, ranks.rank() == 0 ? first : second);
    } catch (const Error& error) {
      messages[static_cast<std::size_t>(ranks.rank())] = error.what();
    }
  });
  CHECK(messages.front() == messages.back());
  return messages.front();
}

/// Returns the message with which two ranks end a run of these requests.
std::string failure(const TrainRequest& first, const TrainRequest& second) {
  try {
    test::run_ranks(2, [&](Ranks& ranks) { train_as(ranks.rank() == 0 ? first : second, &ranks); });
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("a difference is shown where it is, whichever rank has more facts") {
  CHECK(refusal({{"a", "1"}}, {{"a", "1"}}).empty());
  CHECK(contains(refusal({{"a", "1"}, {"b", "2"}}, {{"a", "1"}}), "rank 1 has b that differs from rank 0's (none and '2')"));
  CHECK(contains(refusal({{"a", "1"}}, {{"b", "2"}, {"a", "1"}}), "rank 1 has b that differs from rank 0's ('2' and none)"));
  const std::string same(200, 'x');
  CHECK(contains(refusal({{"a", same + "1"}}, {{"a", same + "2"}}), "x2' and '...xxx"));
}

TEST_CASE("a file that ranks share is verified by the lowest of them, and a copy by who has it") {
  const test::TrainFolder folder;
  const std::string one = folder.tokens("a.tok"), copy = folder.path("copy.tok");
  folder.write("copy.tok", test::read_file(one));
  const auto verifying = [&](const std::vector<std::string>& paths) {
    std::string all(paths.size(), '-');
    test::run_ranks(static_cast<int>(paths.size()), [&](Ranks& ranks) {
      const auto rank = static_cast<std::size_t>(ranks.rank());
      if (is_to_verify(ranks, paths[rank])) all[rank] = 'v';
    });
    return all;
  };
  CHECK(verifying({one, one, one, one}) == "v---");
  CHECK(verifying({one, copy, one, copy}) == "vv--");
  CHECK(verifying({copy, one, one, one}) == "vv--");
  CHECK(verifying({"/dev/null", "/dev/null"}) == "vv");
}

TEST_CASE("a rank whose copy of the data or of the initial model is another, or damaged, is named") {
  const test::TrainFolder folder;
  const TrainRequest request = shared_request(folder, folder.tokens("a.tok", 60));
  TrainRequest other = request;
  const std::string bytes = test::read_file(request.tokens.front());
  other.tokens = {folder.path("copy.tok")};
  folder.write("copy.tok", bytes);
  CHECK(failure(request, other).empty());
  std::string damaged = bytes;
  std::swap(damaged[128 + 40], damaged[128 + 50]);
  REQUIRE(damaged != bytes);
  folder.write("copy.tok", damaged);
  const std::string message = failure(request, other);
  CHECK_MESSAGE(contains(message, "rank 1: "), message);
  CHECK_MESSAGE(contains(message, "copy.tok"), message);
  CHECK(contains(failure(other, request), "copy.tok"));
  other.tokens = {folder.tokens("b.tok", 61)};
  CHECK(contains(failure(request, other), "rank 1 has training data that differs from rank 0's"));
  other.tokens = {folder.path("missing.tok")};
  CHECK(contains(failure(request, other), "rank 1: cannot open"));

  TrainRequest begins = request, begins_otherwise = request;
  begins.settings.trainer.seed = 1;
  begins.output = folder.path("1.lm");
  begins.unfinished = UnfinishedState::replace;
  begins_otherwise = begins;
  begins_otherwise.settings.trainer.seed = 2;
  begins_otherwise.output = folder.path("2.lm");
  train_as(begins, nullptr);
  train_as(begins_otherwise, nullptr);
  TrainRequest tuned = request, tuned_otherwise = request;
  tuned.init_from = begins.output;
  tuned_otherwise.init_from = begins_otherwise.output;
  CHECK(failure(tuned, tuned).empty());
  CHECK(contains(failure(tuned, tuned_otherwise), "rank 1 has a model to begin with that differs from rank 0's"));
}

TEST_CASE("a rank whose state is another, damaged or missing is named, and only then is a rank told where to put it") {
  const test::TrainFolder folder;
  TrainRequest request = shared_request(folder, folder.tokens("a.tok", 60));
  request.unfinished = UnfinishedState::replace;
  train_as(request, nullptr);
  request.resume = Resume::yes;
  const auto resuming = [&](const std::string& state) {
    try {
      test::run_ranks(2, [&](Ranks& ranks) {
        TrainRequest own = request;
        own.rank = ranks.rank();
        if (ranks.rank() == 1) own.state = state;
        const std::optional<RecordedRun> recorded = open_recorded_run(own, &ranks);
        require_same_facts(ranks, facts_of_tier(SimdTier::portable, &*recorded));
      });
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  const std::string bytes = test::read_file(request.state), copy = folder.path("copy.state");
  folder.write("copy.state", bytes);
  CHECK(resuming(request.state).empty());
  CHECK(resuming(copy).empty());
  std::string damaged = bytes;
  damaged[damaged.size() - 100] ^= 1;
  folder.write("copy.state", damaged);
  CHECK_MESSAGE(contains(resuming(copy), "rank 1: "), resuming(copy));
  CHECK(contains(resuming(copy), "it is damaged"));
  CHECK(contains(resuming(folder.path("missing.state")), "missing.state' here, as there is on rank 0"));
  TrainRequest other = request;
  other.resume = Resume::no;
  other.settings.trainer.seed = 3;
  other.state = copy;
  train_as(other, nullptr);
  CHECK(contains(resuming(copy), "rank 1 has a state to resume that differs from rank 0's"));
}

TEST_CASE("weights and averages that ranks begin with are compared, whatever they were read from") {
  const test::TrainFolder folder;
  TrainRequest request = shared_request(folder, folder.tokens("a.tok", 60));
  request.settings.trainer.average_decay = 0.9;
  TrainRequest other_average = request, other_weights = request;
  other_average.settings.trainer.average_decay = 0.1;
  other_average.state = folder.path("average.state");
  other_weights.settings.trainer.seed = 3;
  other_weights.state = folder.path("weights.state");
  for (const TrainRequest& one : {request, other_average, other_weights}) train_as(one, nullptr);
  const auto beginning = [&](const std::string& state) {
    try {
      test::run_ranks(2, [&](Ranks& ranks) {
        TrainRequest own = shared_request(folder, request.tokens.front());
        own.resume = Resume::yes;
        own.rank = ranks.rank();
        own.ranks = ranks.size();
        own.state = ranks.rank() == 1 ? state : request.state;
        const std::optional<RecordedRun> recorded = open_recorded_run(own, &ranks);
        const TrainRequest resumed = resumed_request(own, *recorded);
        Compute compute(1, SimdTier::portable);
        TrainInputs inputs = open_inputs(resumed, &ranks);
        TrainRun(plan_resumed(resumed, inputs, *recorded), inputs, compute, &*recorded);
      });
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  CHECK(beginning(request.state).empty());
  CHECK(contains(beginning(other_average.state), "rank 1 has an average to begin with that differs"));
  CHECK(contains(beginning(other_weights.state), "rank 1 has a model to begin with that differs"));
}
