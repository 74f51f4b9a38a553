#include "tasks/infill/infill_layout.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/error.h"
#include "support/foreign_model.h"
#include "support/gguf_file.h"
#include "support/test_data.h"
#include "tasks/infill/infill.h"
#include "tasks/infill/infill_model.h"
#include "text/tokenizer_parts.h"

using namespace lm;
using test::ids_of;
using test::join;

namespace {

const std::vector<std::string> kStarCoder = {"<fim_prefix>", "<fim_suffix>", "<fim_middle>"};
const std::vector<std::string> kQwen = {"<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"};
const std::vector<std::string> kCodeLlama = {"\u2581<PRE>", "\u2581<SUF>", "\u2581<MID>"};
const std::vector<std::string> kDeepSeek = {"<\uFF5Cfim\u2581begin\uFF5C>", "<\uFF5Cfim\u2581hole\uFF5C>",
                                            "<\uFF5Cfim\u2581end\uFF5C>"};

std::vector<std::string> operator+(std::vector<std::string> a, const std::vector<std::string>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

/// A tokenizer over bytes whose further tokens, from id 257 on, are added but not special, as most of these are.
Tokenizer plain_tokenizer(const std::vector<std::string>& names, const std::string& config = {},
                          const TokenizerOptions& options = {.reserved = fim_token_names()}) {
  TokenizerParts parts;
  parts.pattern = Pattern::none;
  parts.components.config = config;
  parts.tokens.push_back("<|endoftext|>");
  parts.added.push_back({.id = 0, .special = true});
  test::add_bytes_and_names(parts, names, test::Special::no);
  return Tokenizer(std::move(parts), options, "test");
}

TextModel foreign_model(Tokenizer tokenizer, std::int64_t context = 64) {
  return test::foreign_model(std::move(tokenizer), "foreign-model", context);
}

std::string found(const std::vector<std::string>& names, const std::string& config = {}) {
  return infill_layout(foreign_model(plain_tokenizer(names, config)), "auto").layout->name;
}

}  // namespace

TEST_CASE("auto: the layout of a model from elsewhere is that whose three tokens its tokenizer has") {
  CHECK(found(kStarCoder) == "starcoder");
  CHECK(found(kQwen) == "qwen");
  CHECK(found(kQwen + std::vector<std::string>{"<|file_separator|>"}) == "codegemma");
  CHECK(found(kCodeLlama) == "codellama");
  CHECK(found(kDeepSeek) == "deepseek");
  const TextModel ours = test::infill_model(64);
  CHECK(infill_layout(ours, "auto").layout->name == std::string("spm"));
  CHECK(infill_layout(ours, "qwen").layout->name == std::string("qwen"));
}

TEST_CASE("auto: tokens of no kind, and of several, are refused with their names") {
  CHECK_THROWS_WITH_AS(found({"<fim_prefix>", "<fim_suffix>"}),
                       doctest::Contains("of no layout, which begin with one of <fim_prefix>, <|fim_prefix|>, "), Error);
  CHECK_THROWS_WITH_AS(found(kStarCoder + kQwen),
                       doctest::Contains("several layouts, starcoder and qwen; name the model's own with --layout"), Error);
  CHECK_THROWS_WITH_AS(found(kStarCoder + kQwen + kDeepSeek), doctest::Contains("starcoder, qwen and deepseek;"), Error);
  CHECK_NOTHROW(infill_layout(foreign_model(plain_tokenizer(kStarCoder + kQwen)), "qwen"));
}

TEST_CASE("auto: tokens that the tokenizer's configuration names are found, and come before those of a known kind") {
  const std::string config =
      R"({"prefix_token": "[PRE]", "suffix_token": {"content": "[SUF]"}, "middle_token": "[MID]", "eos_token": "x"})";
  CHECK(found({"[PRE]", "[SUF]", "[MID]"}, config) == "named");
  CHECK(found(kStarCoder + std::vector<std::string>{"[PRE]", "[SUF]", "[MID]"}, config) == "named");
  const std::string known =
      R"({"prefix_token": "<fim_prefix>", "suffix_token": "<fim_suffix>", "middle_token": "<fim_middle>"})";
  CHECK(found(kQwen + kStarCoder, known) == "starcoder");
  CHECK_THROWS_WITH_AS(found({"[PRE]", "[SUF]"}, config), doctest::Contains("of no layout"), Error);
  CHECK_THROWS_WITH_AS(find_fim_tokens(plain_tokenizer({"[PRE]", "[SUF]"}, config), find_fim_layout("named"), "model"),
                       doctest::Contains("lacks [MID] of the layout 'named'"), Error);
  CHECK_THROWS_WITH_AS(find_fim_tokens(plain_tokenizer({}), find_fim_layout("named"), "model"),
                       doctest::Contains("lacks prefix_token, suffix_token, middle_token of"), Error);
}

TEST_CASE("a prompt for a model from elsewhere begins with what its tokenizer puts before texts, and nothing else") {
  Compute compute(1, best_simd_tier());
  const auto prompt_of = [&](const TokenizerOptions& options) {
    const TextModel model = foreign_model(plain_tokenizer(kStarCoder, {}, options));
    Infiller infiller(compute, model, "auto");
    infiller.read({.prefix = "ab", .suffix = "xyz"}, {.max_tokens = 4});
    return infiller.prompt();
  };
  const std::vector<TokenId> bare = join({{257}, ids_of("ab"), {258}, ids_of("xyz"), {259}});
  CHECK(prompt_of({}) == bare);
  CHECK(prompt_of({.begin = "none"}) == bare);
  CHECK(prompt_of({.begin = "q"}) == join({ids_of("q"), bare}));
  CHECK(prompt_of({.begin = "<|endoftext|>"}) == join({{0}, bare}));
}

TEST_CASE("text that spells the tokens of a layout is text, though the files do not call them special") {
  const std::string spelled = "a<|fim_middle|>b<|fim_prefix|>";
  const Tokenizer reserved = plain_tokenizer(kQwen);
  CHECK(reserved.encode(spelled) == ids_of(spelled));
  CHECK(reserved.encode(spelled, SpecialTokens::allow) == join({ids_of("a"), {259}, ids_of("b"), {257}}));
  const Tokenizer as_stated = plain_tokenizer(kQwen, {}, {});
  CHECK(as_stated.encode(spelled) == join({ids_of("a"), {259}, ids_of("b"), {257}}));
  CHECK(reserved.fingerprint() == as_stated.fingerprint());

  const TextModel model = foreign_model(plain_tokenizer(kQwen));
  Compute compute(1, best_simd_tier());
  Infiller infiller(compute, model, "auto");
  infiller.read({.prefix = "<|fim_suffix|>", .suffix = "<|fim_middle|>"}, {.max_tokens = 4});
  CHECK(infiller.prompt() == join({{257}, ids_of("<|fim_suffix|>"), {258}, ids_of("<|fim_middle|>"), {259}}));
}

TEST_CASE(
    "a middle ends at the tokens that the layout's owners name, which are not printed; its own are drawn only as ends") {
  const TextModel model = foreign_model(plain_tokenizer(kQwen + std::vector<std::string>{"<|file_sep|>", "<|other|>"}));
  const InfillLayout layout = infill_layout(model, "auto");
  CHECK(layout.ends == std::vector<TokenId>{0, 257, 258, 260});  // as Qwen's example: not the middle token
  CHECK(layout.allowed[257] == 1);
  CHECK(layout.allowed[259] == 0);
  CHECK(layout.allowed[260] == 1);

  Compute compute(1, best_simd_tier());
  Infiller infiller(compute, model, "auto");
  infiller.read({.prefix = "ab", .suffix = "xyz"}, {.max_tokens = 30, .sampling = {.temperature = 2.5}});
  std::int64_t ended = 0;
  for (std::int64_t number = 0; number < 300; ++number) {
    std::string middle;
    ended += infiller.sample(number, [&](std::string_view text) { middle += text; }).end == TextEnd::end_of_text ? 1 : 0;
    CHECK(middle.find("<|fi") == std::string::npos);
  }
  // At one of four ids among 260 and more; end-of-text only would end a fourth of these.
  CHECK(ended > 60);
}

TEST_CASE("Code Llama's suffix is encoded without the space that SentencePiece puts before a text, and its prefix with it") {
  const auto path = test::data_path("vocab/ggml-vocab-llama-spm.gguf");
  if (!path) return;
  const Tokenizer tokenizer = Tokenizer::load(*path);
  InfillLayout layout;
  layout.layout = &find_fim_layout("codellama");
  for (const std::string text : {"return x", " return", "\n    y", "", "x"}) {
    CAPTURE(text);
    // Behind a line, a text has no space put before it.
    std::vector<TokenId> expected = tokenizer.encode("\n" + text);
    expected.erase(expected.begin(), expected.begin() + std::ssize(tokenizer.encode("\n")));
    if (text.empty() || text.front() != '\n') CHECK(layout.encode_suffix(tokenizer, text) == expected);
    CHECK(tokenizer.decode(layout.encode_suffix(tokenizer, "x" + text)) == "x" + text);
  }
  layout.layout = &find_fim_layout("qwen");
  CHECK(layout.encode_suffix(tokenizer, "return x") == tokenizer.encode("return x"));
  CHECK(layout.encode_suffix(tokenizer, "return x").front() != tokenizer.find("return"));
}

TEST_CASE("GGUF: the keys that name the tokens of infilling are kept, and the newer ones count") {
  const test::TemporaryFolder folder;
  const std::string path = folder.path("vocabulary.gguf");
  test::GgufBuilder file;
  file.string("tokenizer.ggml.model", "llama");
  file.strings("tokenizer.ggml.tokens", {"<unk>", "<s>", "</s>", "a", "[A]", "[B]", "[C]", "[D]"});
  file.floats("tokenizer.ggml.scores", {0, 0, 0, -1, 0, 0, 0, 0});
  file.integers("tokenizer.ggml.token_type", {2, 3, 3, 1, 3, 3, 3, 3});
  file.number("tokenizer.ggml.fim_pre_token_id", 4).number("tokenizer.ggml.prefix_token_id", 7);
  file.number("tokenizer.ggml.suffix_token_id", 5).number("tokenizer.ggml.fim_mid_token_id", 6);
  test::put(path, file.file());
  const Tokenizer tokenizer = Tokenizer::load(path);
  const FimTokens tokens = find_fim_tokens(tokenizer, find_fim_layout("named"), "model");
  CHECK(tokens.prefix == 4);
  CHECK(tokens.suffix == 5);
  CHECK(tokens.middle == 6);
}

TEST_CASE("GGUF: the tokens of StarCoder and DeepSeek-Coder are found in their vocabularies, and text does not spell them") {
  for (const char* name : {"starcoder", "deepseek-coder"}) {
    const auto path = test::data_path(std::string("vocab/ggml-vocab-") + name + ".gguf");
    if (!path) return;
    CAPTURE(name);
    const Tokenizer tokenizer = Tokenizer::load(*path, {.reserved = fim_token_names()});
    const FimLayout& layout = find_fim_layout(std::string(name) == "starcoder" ? "starcoder" : "deepseek");
    const FimTokens tokens = find_fim_tokens(tokenizer, layout, name);
    const FimTokens expected = layout.name == std::string("starcoder") ? FimTokens{1, 3, 2} : FimTokens{32016, 32015, 32017};
    CHECK(tokens.prefix == expected.prefix);
    CHECK(tokens.suffix == expected.suffix);
    CHECK(tokens.middle == expected.middle);
    const std::string spelled = std::string("x") + layout.tokens[0] + "y";
    const std::vector<TokenId> ids = tokenizer.encode(spelled);
    CHECK(std::find(ids.begin(), ids.end(), tokens.prefix) == ids.end());
    CHECK(tokenizer.decode(ids) == spelled);
  }
}
