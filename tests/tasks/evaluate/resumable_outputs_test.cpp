#include "tasks/evaluate/resumable_outputs.h"

#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>
#include <vector>

#include "base/error.h"
#include "support/refusal.h"
#include "support/test_data.h"
#include "tasks/evaluate/document_filter.h"

using namespace lm;

namespace {

JsonValue settings(const char* level) {
  JsonValue json;
  json.set("--level", level);
  return json;
}

}  // namespace

TEST_CASE("what was written after the last save is cut off, and at the end the files have their names") {
  test::TemporaryFolder folder;
  const std::string out = folder.path("out"), rejected = folder.path("rejected");
  {
    ResumableOutputs outputs(out, rejected, settings("document"));
    CHECK(!outputs.entry());
    outputs.output().write("one\n");
    outputs.rejected()->write("two\n");
    outputs.save({.documents = 2, .hash = "abc", .state = JsonValue(7)});
    outputs.output().write("three\nfo");
    outputs.output().flush();
  }
  CHECK(!std::filesystem::exists(out));
  CHECK(test::read_file(out + ".partial") == "one\nthree\nfo");
  ResumableOutputs outputs(out, rejected, settings("document"));
  REQUIRE(outputs.entry());
  CHECK(outputs.entry()->documents == 2);
  CHECK(outputs.entry()->hash == "abc");
  CHECK(*outputs.entry()->state.if_integer() == 7);
  outputs.output().write("four\n");
  outputs.finish();
  CHECK(test::read_file(out) == "one\nfour\n");
  CHECK(test::read_file(rejected) == "two\n");
  for (const char* name : {"out.partial", "rejected.partial", "out.journal"})
    CHECK(!std::filesystem::exists(folder.path(name)));
}

TEST_CASE("a run that had written everything is finished by the next one, whichever file has its name already") {
  test::TemporaryFolder folder;
  const std::string out = folder.path("out"), rejected = folder.path("rejected");
  {
    ResumableOutputs outputs(out, rejected, settings("document"));
    outputs.output().write("one\n");
    outputs.finish();
  }
  const std::string journal =
      R"({"version":1,"settings":{"--level":"document"},"complete":true,"documents":1,"hash":"","state":null,"output_bytes":4})";
  test::put(out + ".journal", journal);
  test::put(rejected + ".partial", "two\n");
  ResumableOutputs outputs(out, rejected, settings("document"));
  CHECK(outputs.is_complete());
  outputs.finish();
  CHECK(test::read_file(out) == "one\n");
  CHECK(test::read_file(rejected) == "two\n");
}

TEST_CASE("a journal of other settings, a file that is too short, and a file without a journal are refused, nothing lost") {
  test::TemporaryFolder folder;
  const std::string out = folder.path("out");
  const auto refusal = [&](const char* level) { return test::refusal([&] { ResumableOutputs(out, "", settings(level)); }); };
  {
    ResumableOutputs outputs(out, "", settings("document"));
    outputs.output().write("one\n");
    outputs.save({.documents = 1, .hash = "abc", .state = {}});
  }
  CHECK(test::contains(refusal("corpus"), "--level was \"document\", now \"corpus\""));
  CHECK(test::read_file(out + ".partial") == "one\n");
  test::put(out + ".partial", "on");
  CHECK(test::contains(refusal("document"), "shorter"));
  std::filesystem::remove(out + ".journal");
  CHECK(test::contains(refusal("document"), "without the journal"));
  CHECK(test::read_file(out + ".partial") == "on");
  test::put(out + ".journal", "{\"version\":1");
  CHECK(!refusal("document").empty());
}

TEST_CASE("a filter keeps a fraction by the first documents' perplexities, in order, and bounds include their value") {
  const auto document = [](std::int64_t number, double nats, std::int64_t tokens = 1) {
    DocumentScore score;
    score.number = number;
    score.score.tokens = tokens;
    score.score.nats = FixedSum(nats);
    return score;
  };
  std::vector<std::int64_t> kept, seen;
  const auto emit = [&](const DocumentScore& one, const JsonValue&, bool is_kept) {
    seen.push_back(one.number);
    if (is_kept) kept.push_back(one.number);
  };
  DocumentFilter half({.keep_fraction = 0.5}, emit);
  for (std::int64_t i = 0; i < 10; ++i) half.add(document(i, static_cast<double>((i * 7) % 10)));
  CHECK(seen.empty());
  CHECK(half.holds());
  half.finish();
  CHECK(seen == std::vector<std::int64_t>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9});
  CHECK(half.kept() == 5);
  CHECK(half.rejected() == 5);
  CHECK(*half.max_perplexity() == std::exp(4.0));
  DocumentFilter most({.keep_fraction = 0.9}, emit);
  for (std::int64_t i = 0; i < 100; ++i) most.add(document(i, 1, i < 30 ? 0 : 1));  // a third has no perplexity
  most.finish();
  CHECK(most.kept() == 70);
  CHECK(std::isfinite(*most.max_perplexity()));
  kept.resize(5);
  half.add(document(10, 4));
  half.add(document(11, 4.001));
  half.add(document(12, 0, 0));  // without a perplexity
  CHECK(kept.back() == 10);
  kept.pop_back();
  CHECK(kept == std::vector<std::int64_t>{0, 2, 3, 6, 9});  // of 0 to 4 nats
}

TEST_CASE("after kHeld documents the bound is known, and a resumed filter has it") {
  std::int64_t kept = 0;
  const auto emit = [&](const DocumentScore&, const JsonValue&, bool is_kept) { kept += is_kept ? 1 : 0; };
  DocumentScore one;
  one.score.tokens = 1;
  DocumentFilter filter({.keep_fraction = 0.25}, emit);
  for (std::size_t i = 0; i < DocumentFilter::kHeld; ++i) {
    CHECK(kept == 0);
    one.score.nats = FixedSum(static_cast<double>(i % 100) / 10);
    filter.add(one);
  }
  CHECK(kept == 2500);
  CHECK(!filter.holds());
  DocumentFilter resumed({.keep_fraction = 0.25}, emit);
  resumed.resume(filter.kept(), filter.rejected(), filter.max_perplexity());
  one.score.nats = FixedSum(2.4);
  resumed.add(one);
  CHECK(kept == 2501);
  one.score.nats = FixedSum(2.5);
  resumed.add(one);
  CHECK(kept == 2501);
  CHECK(resumed.rejected() == 7501);
}
