#include "tasks/infill/infill.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/error.h"
#include "tasks/infill/infill_model.h"

using namespace lm;
using test::ids_of;
using test::join;

namespace {

constexpr TokenId kEnd = 0, kPre = 257, kSuf = 258, kMid = 259;

struct Filled {
  std::string middle;
  Infill infill;
};

Filled fill(Infiller& infiller, const InfillText& text, const InfillOptions& options, std::int64_t number = 0) {
  infiller.read(text, options);
  Filled filled;
  filled.infill = infiller.sample(number, [&](std::string_view piece) { filled.middle += piece; });
  return filled;
}

}  // namespace

TEST_CASE(
    "each layout puts prefix and suffix between its tokens in its order, those of models made here after end-of-text") {
  const TextModel model = test::infill_model(64);
  Compute compute(1, best_simd_tier());
  const auto prompt_of = [&](const char* layout) {
    Infiller infiller(compute, model, layout);
    infiller.read({.prefix = "ab", .suffix = "xyz"}, {.max_tokens = 4});
    return infiller.prompt();
  };
  const std::vector<TokenId> pre = ids_of("ab");
  const std::vector<TokenId> suf = ids_of("xyz");
  CHECK(prompt_of("psm") == join({{kEnd, kPre}, pre, {kSuf}, suf, {kMid}}));
  CHECK(prompt_of("qwen") == join({{kPre}, pre, {kSuf}, suf, {kMid}}));
  CHECK(prompt_of("spm") == join({{kEnd, kPre, kSuf}, suf, {kMid}, pre}));
  CHECK(prompt_of("spm-llama.cpp") == join({{kEnd, kSuf}, suf, {kPre}, pre, {kMid}}));
}

TEST_CASE("tokens that the tokenizer lacks are named, all of them, and so are unknown layouts") {
  const TextModel model = test::infill_model(64);
  Compute compute(1, best_simd_tier());
  CHECK_THROWS_WITH_AS(Infiller(compute, model, "starcoder"),
                       doctest::Contains("lacks <fim_prefix>, <fim_suffix>, <fim_middle> of the layout 'starcoder'"), Error);
  CHECK_THROWS_WITH_AS(Infiller(compute, model, "no-such"), doctest::Contains("psm"), Error);
}

TEST_CASE("the tokens of every family of models are found by their names, and only the missing ones are named") {
  const std::vector<std::pair<const char*, std::vector<std::string>>> families = {
      {"spm", {"<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"}},
      {"qwen", {"<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"}},
      {"starcoder", {"<fim_prefix>", "<fim_suffix>", "<fim_middle>"}},
      {"codellama", {"\u2581<PRE>", "\u2581<SUF>", "\u2581<MID>"}},
      {"codellama-spm", {"\u2581<PRE>", "\u2581<SUF>", "\u2581<MID>"}},
      {"deepseek", {"<\uFF5Cfim\u2581begin\uFF5C>", "<\uFF5Cfim\u2581hole\uFF5C>", "<\uFF5Cfim\u2581end\uFF5C>"}}};
  for (const auto& [layout, names] : families) {
    CAPTURE(layout);
    const FimTokens tokens = find_fim_tokens(test::infill_tokenizer(names), find_fim_layout(layout), "model");
    CHECK(tokens.prefix == kPre);
    CHECK(tokens.suffix == kSuf);
    CHECK(tokens.middle == kMid);
    CHECK_THROWS_WITH_AS(
        find_fim_tokens(test::infill_tokenizer({names[0], "x", names[2]}), find_fim_layout(layout), "model"),
        doctest::Contains(("lacks " + names[1] + " of").c_str()), Error);
  }
}

TEST_CASE("a model that was trained for something else is refused with the reason; one from elsewhere is not") {
  Compute compute(1, best_simd_tier());
  TextModel causal = test::infill_model(64, "causal:0.5,prefix:0.5");
  CHECK_THROWS_WITH_AS(Infiller(compute, causal, "psm"),
                       doctest::Contains("trained with the objective 'causal:0.5,prefix:0.5'"), Error);
  causal.model.record.progress.clear();
  CHECK_NOTHROW(Infiller(compute, causal, "psm"));
  const TextModel alone = test::infill_model(64, "fim");
  CHECK_NOTHROW(Infiller(compute, alone, "psm"));
}

TEST_CASE("room goes to both sides alike, and what one leaves over to the other") {
  const auto check = [](std::int64_t room, std::int64_t prefix, std::int64_t suffix, std::int64_t p, std::int64_t s) {
    const InfillShares shares = share_room(room, prefix, suffix);
    CHECK(shares.prefix == p);
    CHECK(shares.suffix == s);
  };
  check(10, 4, 5, 4, 5);
  check(10, 20, 20, 5, 5);
  check(11, 20, 20, 6, 5);
  check(10, 20, 3, 7, 3);
  check(10, 3, 20, 3, 7);
  check(0, 5, 5, 0, 0);
}

TEST_CASE("of texts longer than the context, what is nearest to the middle is kept, with room for the middle") {
  const TextModel model = test::infill_model(28);  // trained on pieces of 20 tokens
  Compute compute(1, best_simd_tier());
  Infiller infiller(compute, model, "psm");
  const std::string prefix = std::string(200000, 'p') + "0123456789abcdefghij";
  const std::string suffix = "0123456789abcdefghij" + std::string(200000, 's');
  const InfillLeftOut left_out = infiller.read({.prefix = prefix, .suffix = suffix}, {.max_tokens = 6});
  CHECK(infiller.prompt() == join({{kEnd, kPre}, ids_of("defghij"), {kSuf}, ids_of("0123456"), {kMid}}));
  CHECK(left_out.prefix == 200013);
  CHECK(left_out.suffix == 200013);
  CHECK(infiller.sample(0, [](std::string_view) {}).tokens <= 6);

  // A short side leaves its room to the other.
  infiller.read({.prefix = "ab", .suffix = suffix}, {.max_tokens = 6});
  CHECK(infiller.prompt() == join({{kEnd, kPre}, ids_of("ab"), {kSuf}, ids_of("0123456789ab"), {kMid}}));

  // More tokens than a piece has leave half of it to the text, and the middle ends where a piece would.
  infiller.read({.prefix = prefix, .suffix = suffix}, {.max_tokens = 1000, .sampling = {.temperature = 3}});
  CHECK(infiller.prompt() == join({{kEnd, kPre}, ids_of("fghij"), {kSuf}, ids_of("01234"), {kMid}}));
  for (std::int64_t number = 0; number < 5; ++number) CHECK(infiller.sample(number, [](std::string_view) {}).tokens <= 10);
  infiller.read({}, {.max_tokens = 1000, .sampling = {.temperature = 3}});
  CHECK(infiller.prompt() == std::vector<TokenId>{kEnd, kPre, kSuf, kMid});
}

TEST_CASE("what was read before changes no middle: the same as by a fresh infiller, while prompts share tokens") {
  const TextModel model = test::infill_model(256);
  Compute compute(1, best_simd_tier());
  for (const char* layout : {"psm", "spm"}) {
    Infiller kept(compute, model, layout);
    std::string prefix = "def f(a, b):\n    x = 1\n    return a + b\n\n" + std::string(30, '#');
    const std::string suffix = "\n    return x\n\ndef g(a, b):\n    return a * b\n";
    std::int64_t reused = 0;
    for (int i = 0; i < 40; ++i) {
      if (i == 20) prefix.erase(10, 3);  // and from here on another beginning
      prefix += static_cast<char>('a' + i % 26);
      const InfillOptions options = {.max_tokens = 12, .sampling = {.temperature = i % 2 == 0 ? 0.0 : 1.0}};
      const Filled again = fill(kept, {.prefix = prefix, .suffix = suffix}, options, i % 3);
      reused += kept.reused();
      Infiller fresh(compute, model, layout);
      const Filled expected = fill(fresh, {.prefix = prefix, .suffix = suffix}, options, i % 3);
      REQUIRE(fresh.reused() == 0);
      REQUIRE(again.middle == expected.middle);
      REQUIRE(again.infill.tokens == expected.infill.tokens);
      REQUIRE(kept.prompt() == fresh.prompt());
    }
    CHECK(reused >= 38 * 32);  // not the first, and not the one after the change
  }
}

TEST_CASE("a prefix longer than its room begins at the same place for many keys typed, so that what was read is kept") {
  const TextModel model = test::infill_model(256);
  Compute compute(1, best_simd_tier());
  Infiller infiller(compute, model, "psm");
  std::string prefix(300, 'x');
  for (std::size_t i = 0; i < prefix.size(); ++i) prefix[i] = static_cast<char>('a' + i * i % 23);
  const std::string suffix(500, 's');
  int kept = 0;
  for (int i = 0; i < 60; ++i) {
    prefix += static_cast<char>('a' + i % 7);
    infiller.read({.prefix = prefix, .suffix = suffix}, {.max_tokens = 16});
    kept += infiller.reused() >= 64 ? 1 : 0;
    const auto nearest = ids_of(prefix.substr(prefix.size() - 80));
    CHECK(std::equal(nearest.begin(), nearest.end(),
                     std::find(infiller.prompt().begin(), infiller.prompt().end(), kSuf) - 80));
  }
  CHECK(kept >= 56);  // one of 29 keys moves the beginning
}

TEST_CASE("a middle depends on seed and number only, and greedy on neither") {
  const TextModel model = test::infill_model(64);
  Compute compute(1, best_simd_tier());
  Infiller infiller(compute, model, "psm");
  const InfillText text = {.prefix = "one", .suffix = "two"};
  const auto sampled = [&](std::uint64_t seed, std::int64_t number, double temperature) {
    return fill(infiller, text, {.max_tokens = 20, .sampling = {.temperature = temperature}, .seed = seed}, number).middle;
  };
  const std::string first = sampled(3, 1, 1);
  sampled(9, 0, 1);
  CHECK(sampled(3, 1, 1) == first);
  CHECK(sampled(3, 2, 1) != first);
  CHECK(sampled(4, 1, 1) != first);
  CHECK(sampled(3, 1, 0) == sampled(4, 2, 0));
}

TEST_CASE("special tokens are not written, and pieces are whole characters") {
  const TextModel model = test::infill_model(256);
  Compute compute(1, best_simd_tier());
  Infiller infiller(compute, model, "psm");
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    infiller.read({.prefix = "a", .suffix = "b"}, {.max_tokens = 200, .sampling = {.temperature = 5}, .seed = seed});
    std::string middle;
    infiller.sample(0, [&](std::string_view piece) {
      CHECK((static_cast<unsigned char>(piece.front()) & 0xC0) != 0x80);
      middle += piece;
    });
    CHECK(middle.find("<|fim") == std::string::npos);
  }
}

TEST_CASE("a middle ends at any of the model's ends") {
  TextModel model = test::infill_model(64);
  for (TokenId id = 1; id <= 256; ++id) model.model.record.ends.ids.push_back(id);
  Compute compute(1, best_simd_tier());
  Infiller infiller(compute, model, "psm");
  const Filled filled =
      fill(infiller, {.prefix = "ab", .suffix = "xyz"}, {.max_tokens = 20, .sampling = {.temperature = 1}});
  CHECK(filled.middle.empty());
  CHECK(filled.infill.tokens == 0);
  CHECK(filled.infill.end == TextEnd::end_of_text);
}

TEST_CASE("after a prefix that ends inside a character, a middle adds to it without repeating or replacing its bytes") {
  const TextModel model = test::infill_model(64);
  Compute compute(1, best_simd_tier());
  Infiller infiller(compute, model, "psm");
  bool completed = false;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    const Filled filled =
        fill(infiller, {.prefix = "a\xC3", .suffix = ""}, {.max_tokens = 3, .sampling = {.temperature = 5}, .seed = seed});
    CHECK(filled.middle.find('\xC3') != 0);
    if (filled.middle.empty()) continue;
    completed = completed || (static_cast<unsigned char>(filled.middle.front()) & 0xC0) == 0x80;
  }
  CHECK(completed);
}

TEST_CASE("a single line ends before its end, a stop string before it begins") {
  const TextModel model = test::infill_model(256);
  Compute compute(1, best_simd_tier());
  Infiller infiller(compute, model, "psm");
  int stopped = 0;
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    const InfillOptions options = {
        .max_tokens = 200, .sampling = {.temperature = 5}, .seed = seed, .stops = {"e", "q"}, .single_line = true};
    const Filled filled = fill(infiller, {.prefix = "a", .suffix = "b"}, options);
    CHECK(filled.middle.find_first_of("\n\req") == std::string::npos);
    stopped += filled.infill.end == TextEnd::stop ? 1 : 0;
  }
  CHECK(stopped > 10);
}

TEST_CASE("a middle that is broken off does not end with what the suffix begins with") {
  const TextModel model = test::infill_model(64);
  Compute compute(1, best_simd_tier());
  Infiller infiller(compute, model, "psm");
  infiller.read({.prefix = "a", .suffix = "e"}, {.max_tokens = 1, .sampling = {.temperature = 5}});
  int others = 0;
  for (std::int64_t number = 0; number < 3000; ++number) {  // of 257 tokens that are about equally likely
    std::string middle;
    infiller.sample(number, [&](std::string_view piece) { middle += piece; });
    CHECK(middle != "e");
    others += middle == "f" || middle == "g" ? 1 : 0;
  }
  CHECK(others > 5);
}
