#include "data/windows.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "base/error.h"
#include "support/test_data.h"

namespace lm {

namespace {

constexpr TokenId kEnd = 0;

TokenFileInfo stream_info(std::int64_t vocab_size = 1000, std::uint64_t fingerprint = 7) {
  TokenFileInfo info;
  info.vocab_size = vocab_size;
  info.end_of_text = kEnd;
  info.fingerprint = {.low = fingerprint, .high = 1};
  return info;
}

TokenFile make_file(const test::TemporaryFolder& folder, const std::string& name, const std::vector<TokenId>& tokens,
                    const TokenFileInfo& info = stream_info()) {
  const auto output = open_output(folder.path(name));
  TokenWriter writer(*output, info);
  writer.write(tokens);
  writer.finish();
  output->close();
  return TokenFile::open(folder.path(name), folder.path(""));
}

// Tokens 1, 2, 3, ... so that a token shows its place.
std::vector<TokenId> numbered(std::int64_t count) {
  std::vector<TokenId> tokens(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < tokens.size(); ++i) tokens[i] = static_cast<TokenId>(i + 1);
  return tokens;
}

struct Window {
  std::vector<TokenId> tokens;
  std::vector<std::uint8_t> valid;
  bool operator==(const Window&) const = default;
};

Window window_of(const Windows& windows, std::int64_t epoch, std::int64_t index) {
  const auto length = static_cast<std::size_t>(windows.options().length);
  Window window{std::vector<TokenId>(length), std::vector<std::uint8_t>(length)};
  windows.window(epoch, index, window.tokens, window.valid);
  return window;
}

}  // namespace

TEST_CASE("the permutation takes every value exactly once, for any size") {
  for (std::int64_t size = 1; size <= 300; ++size) {
    const Permutation permutation(size, 12345, 3);
    std::vector<int> seen(static_cast<std::size_t>(size));
    for (std::int64_t i = 0; i < size; ++i) ++seen[static_cast<std::size_t>(permutation(i))];
    CHECK(std::all_of(seen.begin(), seen.end(), [](int count) { return count == 1; }));
  }
  const Permutation large(1000003, 1, 0);
  std::vector<bool> seen(1000003);
  std::int64_t distinct = 0;
  for (std::int64_t i = 0; i < large.size(); ++i) {
    const auto value = static_cast<std::size_t>(large(i));
    distinct += seen[value] ? 0 : 1;
    seen[value] = true;
  }
  CHECK(distinct == 1000003);
}

TEST_CASE("the permutation mixes: neighbours land far apart, another epoch or key gives another order") {
  const Permutation a(1000, 1, 0);
  const Permutation other_epoch(1000, 1, 1);
  const Permutation other_key(1000, 2, 0);
  int near = 0;
  int same_epoch = 0;
  int same_key = 0;
  for (std::int64_t i = 0; i + 1 < 1000; ++i) {
    near += std::abs(a(i + 1) - a(i)) < 50 ? 1 : 0;
    same_epoch += a(i) == other_epoch(i) ? 1 : 0;
    same_key += a(i) == other_key(i) ? 1 : 0;
  }
  CHECK(near < 150);  // 97 expected of a random order, standard deviation 9.4
  CHECK(same_epoch < 10);
  CHECK(same_key < 10);
}

TEST_CASE("every order of four windows comes up about equally often") {
  std::vector<int> counts(24);
  constexpr int kEpochs = 24000;
  for (std::uint64_t epoch = 0; epoch < kEpochs; ++epoch) {
    const Permutation permutation(4, 99, epoch);
    std::vector<std::int64_t> order = {0, 1, 2, 3};
    std::vector<std::int64_t> drawn;
    for (std::int64_t i = 0; i < 4; ++i) drawn.push_back(permutation(i));
    std::size_t number = 0;
    while (order != drawn && std::next_permutation(order.begin(), order.end())) ++number;
    ++counts[number];
  }
  for (const int count : counts) CHECK(std::abs(count - kEpochs / 24) < 160);  // five standard deviations
}

TEST_CASE("with W = T + 1 and S = T each token is a target exactly once an epoch, given the token before it") {
  const test::TemporaryFolder folder;
  for (const std::int64_t size : {1, 2, 7, 8, 9, 16, 17, 100}) {
    std::vector<TokenFile> files;
    files.push_back(make_file(folder, "a", numbered(size)));
    for (const std::int64_t stride : {1, 2, 8, 33}) {
      for (const WindowOrder order : {WindowOrder::shuffled, WindowOrder::file}) {
        const Windows windows(TokenCorpus(files), {.length = stride + 1, .stride = stride, .seed = 5, .order = order});
        for (std::int64_t epoch = 0; epoch < 6; ++epoch) {
          std::vector<int> targets(static_cast<std::size_t>(size) + 1);
          for (std::int64_t index = 0; index < windows.count(epoch); ++index) {
            const Window window = window_of(windows, epoch, index);
            for (std::size_t i = 1; i < window.tokens.size(); ++i) {
              if (window.valid[i] == 0) continue;
              if (window.valid[i - 1] == 0) {
                CHECK(window.tokens[i] == kEnd);  // x_0, which nothing comes before
                continue;
              }
              ++targets[window.tokens[i]];
              CHECK(window.tokens[i - 1] == window.tokens[i] - 1);  // kEnd is 0: so is x_0's
            }
          }
          targets.erase(targets.begin());
          CHECK(std::all_of(targets.begin(), targets.end(), [](int count) { return count == 1; }));
        }
      }
    }
  }
}

TEST_CASE("with W = S each place, x_0 too, is in exactly one window") {
  const test::TemporaryFolder folder;
  std::vector<TokenFile> files;
  files.push_back(make_file(folder, "a", numbered(50)));
  const Windows windows(TokenCorpus(files), {.length = 8, .stride = 8, .seed = 5});
  for (std::int64_t epoch = 0; epoch < 20; ++epoch) {
    std::vector<int> seen(51);
    for (std::int64_t index = 0; index < windows.count(epoch); ++index) {
      const Window window = window_of(windows, epoch, index);
      CHECK(std::count(window.valid.begin(), window.valid.end(), 1) > 0);
      for (std::size_t i = 0; i < 8; ++i) seen[window.tokens[i]] += window.valid[i];
    }
    CHECK(std::all_of(seen.begin(), seen.end(), [](int count) { return count == 1; }));
  }
}

TEST_CASE("epoch 0 starts at the beginning, later epochs are cut at other places, file order never") {
  const test::TemporaryFolder folder;
  std::vector<TokenFile> files;
  files.push_back(make_file(folder, "a", numbered(900)));
  const Windows windows(TokenCorpus(files), {.length = 101, .stride = 100, .seed = 4});
  std::set<TokenId> cuts;
  for (std::int64_t epoch = 0; epoch < 10; ++epoch) {
    for (std::int64_t index = 0; index < windows.count(epoch); ++index) {
      const Window window = window_of(windows, epoch, index);
      if (window.valid.front() == 1 && window.tokens.front() > 100) cuts.insert(window.tokens.front() % 100);
    }
    if (epoch == 0) CHECK(cuts == std::set<TokenId>{0});
  }
  CHECK(cuts.size() >= 8);  // ten draws of a hundred
  const Windows in_order(TokenCorpus(files), {.length = 101, .stride = 100, .seed = 4, .order = WindowOrder::file});
  for (std::int64_t index = 0; index < 9; ++index) {
    CHECK(window_of(in_order, 3, index).tokens.front() == static_cast<TokenId>(100 * index));
  }
}

TEST_CASE("files in a row read as one, across their borders, and a part of them as itself") {
  const test::TemporaryFolder folder;
  const std::vector<TokenId> all = numbered(100);
  std::vector<TokenFile> files;
  files.push_back(make_file(folder, "a", {all.begin(), all.begin() + 30}));
  files.push_back(make_file(folder, "b", {}));
  files.push_back(make_file(folder, "c", {all.begin() + 30, all.begin() + 31}));
  files.push_back(make_file(folder, "d", {all.begin() + 31, all.end()}));
  const TokenCorpus corpus(files);
  CHECK(corpus.size() == 100);
  for (std::int64_t first = 0; first <= 100; ++first) {
    for (std::int64_t last = first; last <= 100; ++last) {
      std::vector<TokenId> out(static_cast<std::size_t>(last - first));
      corpus.copy(first, out);
      CHECK(std::equal(out.begin(), out.end(), all.begin() + first));
    }
  }
  const TokenCorpus part = corpus.range(20, 90).range(5, 40);
  std::vector<TokenId> out(35);
  part.copy(0, out);
  CHECK(out == std::vector<TokenId>(all.begin() + 25, all.begin() + 60));
  CHECK(part.identity() == corpus.range(25, 60).identity());
  CHECK(part.identity() != corpus.identity());
}

TEST_CASE("files of different tokenizers are refused together, both named") {
  const test::TemporaryFolder folder;
  std::vector<TokenFile> files;
  files.push_back(make_file(folder, "first", {1, 0}));
  files.push_back(make_file(folder, "second", {1, 0}, stream_info(1000, 8)));
  try {
    const TokenCorpus corpus(files);
    CHECK(false);
  } catch (const Error& error) {
    const std::string text = error.what();
    CHECK(text.find("first'") != std::string::npos);
    CHECK(text.find("second'") != std::string::npos);
  }
}

TEST_CASE("a position goes through every window of every epoch, and a saved one continues as the run it was saved from") {
  const test::TemporaryFolder folder;
  std::vector<TokenFile> files;
  files.push_back(make_file(folder, "a", numbered(100)));
  const Windows windows(TokenCorpus(files), {.length = 9, .stride = 8, .seed = 5});
  DataPosition position;
  DataPosition saved;
  std::vector<Window> after;
  for (int i = 0; i < 60; ++i) {
    if (i == 31) saved = position;
    Window window{std::vector<TokenId>(9), std::vector<std::uint8_t>(9)};
    windows.next(position, window.tokens, window.valid);
    if (i >= 31) after.push_back(window);
  }
  CHECK(position.epoch == 4);
  for (const Window& expected : after) {
    Window window{std::vector<TokenId>(9), std::vector<std::uint8_t>(9)};
    windows.next(saved, window.tokens, window.valid);
    CHECK(window == expected);
  }
}

TEST_CASE("windows of a stream are those of the file in file order") {
  const test::TemporaryFolder folder;
  for (const std::int64_t size : {0, 1, 2, 7, 8, 9, 15, 16, 17, 100}) {
    std::vector<TokenFile> files;
    files.push_back(make_file(folder, "a", numbered(size)));
    for (const std::int64_t overlap : {0, 1, 3}) {
      for (const std::int64_t stride : {1, 2, 8, 33}) {
        const Windows windows(TokenCorpus(files),
                              {.length = stride + overlap, .stride = stride, .order = WindowOrder::file});
        TokenReader reader(open_input(folder.path("a")));
        StreamWindows stream(reader, stride + overlap, stride);
        const auto length = static_cast<std::size_t>(stride + overlap);
        Window window{std::vector<TokenId>(length), std::vector<std::uint8_t>(length)};
        std::int64_t index = 0;
        while (stream.next(window.tokens, window.valid)) {
          REQUIRE(index < windows.count(0));
          CHECK(window == window_of(windows, 0, index++));
        }
        CHECK(index == windows.count(0));
        CHECK(reader.tokens() == size);
      }
    }
  }
}

TEST_CASE("held out are the last documents, or the last tokens of a single document") {
  const test::TemporaryFolder folder;
  std::vector<TokenId> tokens;
  for (TokenId document = 0; document < 10; ++document) {
    for (TokenId i = 0; i < document; ++i) tokens.push_back(document);
    tokens.push_back(kEnd);
  }
  std::vector<TokenFile> files;
  files.push_back(make_file(folder, "a", {tokens.begin(), tokens.begin() + 15}));  // documents 0 to 4
  files.push_back(make_file(folder, "b", {tokens.begin() + 15, tokens.end()}));
  for (const auto& [fraction, documents] : {std::pair{0.1, 1}, {0.001, 1}, {0.25, 3}, {0.5, 5}, {0.7, 7}, {0.999, 9}}) {
    const HeldOut parts = hold_out(files, fraction);
    CHECK(parts.train.size() + parts.valid.size() == 55);
    std::vector<TokenId> valid(static_cast<std::size_t>(parts.valid.size()));
    parts.valid.copy(0, valid);
    CHECK(std::count(valid.begin(), valid.end(), kEnd) == documents);
    CHECK(valid.front() == (documents == 10 ? kEnd : static_cast<TokenId>(10 - documents)));
    CHECK(std::equal(valid.rbegin(), valid.rend(), tokens.rbegin()));
  }
  std::vector<TokenFile> single;
  single.push_back(make_file(folder, "c", numbered(100)));
  CHECK(hold_out(single, 0.1).valid.size() == 10);
  std::vector<TokenFile> tiny;
  tiny.push_back(make_file(folder, "d", {1}));
  CHECK_THROWS_AS(hold_out(tiny, 0.1), Error);
}

}  // namespace lm
