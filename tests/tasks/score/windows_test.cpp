#include "tasks/score/windows.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <vector>

using namespace lm;

namespace {

/// A document of N distinct tokens 1 .. N: token n is x_n. End-of-text is 0.
std::vector<TokenId> document(std::int64_t n) {
  std::vector<TokenId> tokens;
  for (std::int64_t i = 1; i <= n; ++i) tokens.push_back(static_cast<TokenId>(i));
  return tokens;
}

/// The windows, the document handed over in pieces of `piece` tokens.
std::vector<CutWindow> cut(const WindowPlan& plan, std::int64_t n, std::size_t piece = 1000) {
  std::vector<CutWindow> windows;
  WindowCutter cutter(plan, {.opening = {0}, .begin_tokens = {}, .end_of_text = 0},
                      [&](CutWindow window) { windows.push_back(std::move(window)); });
  const std::vector<TokenId> tokens = document(n);
  for (int repeat = 0; repeat < 2; ++repeat) {  // the second time must be as the first
    windows.clear();
    for (std::size_t i = 0; i < tokens.size(); i += piece) {
      cutter.add(std::span(tokens).subspan(i, std::min(piece, tokens.size() - i)));
    }
    cutter.finish();
  }
  return windows;
}

/// (first token, last token, first scored token, credited) of each window; x_0 is 0.
using Row = std::vector<std::int64_t>;
std::vector<Row> rows(const std::vector<CutWindow>& windows) {
  std::vector<Row> result;
  for (const CutWindow& window : windows) {
    const std::vector<TokenId>& tokens = window.scored.tokens;
    result.push_back(
        {tokens.front(), tokens.back(), tokens[static_cast<std::size_t>(window.scored.first_scored)], window.credited});
    for (std::size_t i = 1; i < tokens.size(); ++i) CHECK(tokens[i] == tokens[i - 1] + 1);  // neighbours in the text
  }
  return result;
}

}  // namespace

TEST_CASE("windows are those of the definition, and every token is scored exactly once") {
  for (std::int64_t n = 0; n <= 20; ++n) {
    for (std::int64_t context = 1; context <= 9; ++context) {
      for (std::int64_t stride = 1; stride <= context; ++stride) {
        CAPTURE(n);
        CAPTURE(context);
        CAPTURE(stride);
        std::vector<Row> expected;
        for (std::int64_t end = 0, next = std::min(context, n); end < n; next = std::min(end + stride, n)) {
          expected.push_back({std::max<std::int64_t>(0, next - context), next, end + 1, next - end});
          end = next;
        }
        const WindowPlan plan{.context = context, .stride = stride};
        CHECK(rows(cut(plan, n)) == expected);
        CHECK(rows(cut(plan, n, 1)) == expected);
        std::map<std::int64_t, int> scored;
        for (const CutWindow& window : cut(plan, n)) {
          CHECK(static_cast<std::int64_t>(window.scored.tokens.size()) <= context + 1);
          for (auto i = static_cast<std::size_t>(window.scored.first_scored); i < window.scored.tokens.size(); ++i) {
            ++scored[window.scored.tokens[i]];
          }
        }
        CHECK(static_cast<std::int64_t>(scored.size()) == n);
        for (const auto& [token, times] : scored) CHECK(times == 1);
      }
    }
  }
}

TEST_CASE("with score-end the closing end-of-text is one more token") {
  std::vector<CutWindow> windows;
  WindowCutter cutter({.context = 4, .stride = 2, .score_end = true},
                      {.opening = {99}, .begin_tokens = {}, .end_of_text = 99},
                      [&](CutWindow window) { windows.push_back(std::move(window)); });
  cutter.add(document(4));
  cutter.finish();
  REQUIRE(windows.size() == 2);
  CHECK(windows[0].scored.tokens == std::vector<TokenId>{99, 1, 2, 3, 4});
  CHECK(windows[1].scored.tokens == std::vector<TokenId>{1, 2, 3, 4, 99});
  CHECK(windows[1].scored.first_scored == 4);
  cutter.finish();  // an empty document
  REQUIRE(windows.size() == 3);
  CHECK(windows[2].scored.tokens == std::vector<TokenId>{99, 99});
}

TEST_CASE("hf-stride cuts as the loop of Hugging Face's guide does") {
  for (std::int64_t n = 0; n <= 20; ++n) {
    for (std::int64_t context = 1; context <= 8; ++context) {
      for (std::int64_t stride = 1; stride <= context; ++stride) {
        std::vector<Row> expected;
        std::int64_t previous_end = 0;
        for (std::int64_t begin = 0; begin < n; begin += stride) {
          const std::int64_t end = std::min(begin + context, n);
          const std::int64_t target_length = end - previous_end;
          // labels[:, :-target_length] = -100, and the model shifts labels by one, which loses a window's first.
          const std::int64_t first_scored = std::max(end - target_length, begin + 1);
          if (target_length > 1)
            expected.push_back({begin + 1, end, first_scored + 1, target_length - 1});  // x counts from 1
          previous_end = end;
          if (end == n) break;
        }
        CAPTURE(n);
        CAPTURE(context);
        CAPTURE(stride);
        const WindowPlan plan{.protocol = Protocol::hf_stride, .context = context, .stride = stride};
        CHECK(rows(cut(plan, n)) == expected);
        CHECK(rows(cut(plan, n, 1)) == expected);
      }
    }
  }
}

TEST_CASE("lm-eval's rolling windows are disjoint ones whose last reaches back") {
  for (std::int64_t n = 0; n <= 20; ++n) {
    for (std::int64_t context = 1; context <= 8; ++context) {
      // get_rolling_token_windows with a context of one token, over x_0 x_1 ..: prefix, then overlaps of one.
      std::vector<Row> expected;
      for (std::int64_t predicted = 0; predicted < n;) {
        const std::int64_t length = std::min(context, n - predicted);
        const std::int64_t end = predicted + length;
        expected.push_back({predicted == 0 ? 0 : end - context, end, predicted + 1, length});
        predicted = end;
      }
      CHECK(rows(cut({.protocol = Protocol::lm_eval, .context = context}, n)) == expected);
    }
  }
}

TEST_CASE("llama.cpp's windows score the second half but one, and drop the tail") {
  CHECK(rows(cut({.protocol = Protocol::llama_cpp, .context = 8}, 20)) ==
        std::vector<Row>{{1, 8, 6, 3}, {9, 16, 14, 3}});  // 0-based targets 5, 6, 7 of each window
  CHECK(rows(cut({.protocol = Protocol::llama_cpp, .context = 7}, 14, 1)) == std::vector<Row>{{1, 7, 5, 3}, {8, 14, 12, 3}});
  CHECK(cut({.protocol = Protocol::llama_cpp, .context = 8}, 7).empty());
  CHECK(cut({.protocol = Protocol::llama_cpp, .context = 2}, 9).empty());
}

TEST_CASE("the protocol says all that a number depends on") {
  CHECK(describe({.context = 256, .stride = 128}) == "context 256 stride 128");
  CHECK(describe({.context = 256, .stride = 128, .score_end = true}) == "context 256 stride 128 score-end");
  CHECK(describe({.protocol = Protocol::hf_stride, .context = 1024, .stride = 512}) == "hf-stride:512 context 1024");
  CHECK(describe({.protocol = Protocol::lm_eval, .context = 64, .stride = 64}) == "lm-eval context 64");
  CHECK(describe({.protocol = Protocol::llama_cpp, .context = 512, .stride = 512}) == "llama.cpp context 512");
}

TEST_CASE("what opens a text is not scored: a begin token, several, or none, when the first token is not scored either") {
  const auto windows_after = [](const std::vector<TokenId>& opening) {
    std::vector<CutWindow> windows;
    WindowCutter cutter({.context = 4, .stride = 4}, {.opening = opening, .begin_tokens = opening, .end_of_text = 9},
                        [&](CutWindow window) { windows.push_back(std::move(window)); });
    cutter.add(document(4));
    cutter.finish();
    return windows;
  };
  const std::vector<CutWindow> one = windows_after({7});
  REQUIRE(one.size() == 1);
  CHECK(one[0].scored.tokens == std::vector<TokenId>{7, 1, 2, 3, 4});
  CHECK(one[0].scored.first_scored == 1);
  const std::vector<CutWindow> two = windows_after({7, 8});
  REQUIRE(two.size() == 2);
  CHECK(two[0].scored.tokens == std::vector<TokenId>{7, 8, 1, 2, 3});
  CHECK(two[0].scored.first_scored == 2);
  CHECK(two[1].scored.tokens == std::vector<TokenId>{8, 1, 2, 3, 4});
  CHECK(two[1].credited == 1);
  const std::vector<CutWindow> none = windows_after({});
  REQUIRE(none.size() == 1);
  CHECK(none[0].scored.tokens == std::vector<TokenId>{1, 2, 3, 4});
  CHECK(none[0].scored.first_scored == 1);
  CHECK(none[0].credited == 3);
}

TEST_CASE("llama.cpp's windows begin with the tokenizer's begin token, if it has one") {
  std::vector<CutWindow> windows;
  WindowCutter cutter({.protocol = Protocol::llama_cpp, .context = 4},
                      {.opening = {7}, .begin_tokens = {7}, .end_of_text = 9},
                      [&](CutWindow window) { windows.push_back(std::move(window)); });
  cutter.add(document(8));
  cutter.finish();
  REQUIRE(windows.size() == 2);
  CHECK(windows[0].scored.tokens == std::vector<TokenId>{7, 1, 2, 3});
  CHECK(windows[1].scored.tokens == std::vector<TokenId>{7, 5, 6, 7});
}
