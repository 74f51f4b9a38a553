#include "tasks/prompt/prompt.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "support/string_output.h"
#include "tasks/prompt/next_tokens.h"
#include "tasks/prompt/prompt_output.h"
#include "tasks/prompt/prompt_text.h"
#include "tasks/special_model.h"

using namespace lm;

namespace {

struct Streamed {
  std::vector<std::string> pieces;
  std::string text;
  bool stopped = false;
  std::int64_t size = 0;
};

Streamed stream(const std::vector<std::string>& tokens, const std::vector<std::string>& stops,
                std::string_view before = {}) {
  Streamed result;
  TextStream stream(stops, [&](std::string_view piece) {
    result.pieces.emplace_back(piece);
    result.text += piece;
  });
  stream.begin(before);
  for (const std::string& token : tokens) {
    if (stream.feed(token)) continue;
    result.stopped = true;
    break;
  }
  stream.finish();
  result.size = stream.size();
  return result;
}

std::vector<std::string> bytes_of(const std::string& text) {
  std::vector<std::string> bytes;
  for (const char c : text) bytes.emplace_back(1, c);
  return bytes;
}

/// An output that keeps what it is given.

}  // namespace

TEST_CASE("no piece of a stream ends inside a character, and together they are the text") {
  const std::string text = "na\xC3\xAFve \xE2\x82\xAC \xF0\x9F\x98\x80!";
  const Streamed result = stream(bytes_of(text), {});
  CHECK(result.text == text);
  for (const std::string& piece : result.pieces) {
    CHECK((static_cast<unsigned char>(piece.front()) & 0xC0) != 0x80);
    CHECK((piece.size() == 1) == (static_cast<unsigned char>(piece.front()) < 0x80));
  }
}

TEST_CASE("a character that never ends is not printed, one that cannot be is U+FFFD") {
  CHECK(stream(bytes_of("ab\xF0\x9F\x98"), {}).text == "ab");
  CHECK(stream(bytes_of("a\xE2\x82z"), {}).text == "a\uFFFDz");
  CHECK(stream(bytes_of("\x80\xFFz"), {}).text == "\uFFFD\uFFFDz");
}

TEST_CASE("a character that the prompt began is printed when it is complete") {
  CHECK(stream(bytes_of("\x82\xAC!"), {}, "\xE2").text == "\xE2\x82\xAC!");
  CHECK(stream(bytes_of("!"), {}, "\xE2").text == "\uFFFD!");
}

TEST_CASE("a stop string ends the text wherever token borders fall") {
  const std::string text = "one two STOP three";
  for (std::size_t first = 0; first <= text.size(); ++first) {
    for (std::size_t second = first; second <= text.size(); ++second) {
      const Streamed result = stream({text.substr(0, first), text.substr(first, second - first), text.substr(second)},
                                     {"never", "STOP", "three"});
      REQUIRE(result.stopped);
      REQUIRE(result.text == "one two ");
      REQUIRE(result.size == 8);
    }
  }
}

TEST_CASE("what only looked like a stop string is printed, at once when it cannot be one") {
  CHECK(stream(bytes_of("xSTO STOX STO"), {"STOP"}).text == "xSTO STOX STO");
  CHECK_FALSE(stream(bytes_of("ababab"), {"ababc"}).stopped);
  CHECK(stream(bytes_of("abababc!"), {"ababc"}).text == "ab");
  const Streamed result = stream({"xS", "T", "a"}, {"STOP"});
  CHECK(result.pieces == std::vector<std::string>{"x", "STa"});
}

TEST_CASE("the earliest of several stop strings counts, and empty ones do not") {
  CHECK(stream({"abcdef"}, {"ef", "cd", ""}).text == "ab");
  CHECK(stream(bytes_of("a\n\nb"), {"\n\n"}).text == "a");
  CHECK(stream(bytes_of("\xE2\x82\xAC\xE2\x82\xAC"), {"\xAC\xE2"}).text ==
        "");  // inside a character: it is not printed half
}

TEST_CASE("a sample ends before a stop string, and its ids lie before it too") {
  const TextModel model = test::byte_model(24, 5);
  Compute compute(1, best_simd_tier());
  Prompter free(compute, model, {.max_tokens = 60, .sampling = {.temperature = 1}, .seed = 5});
  free.read(encode_prompt(model, "abc", SpecialTokens::plain));
  std::string text;
  const Sample all = free.sample(0, [&](std::string_view piece) { text += piece; });
  REQUIRE(all.end == TextEnd::length);
  REQUIRE(all.ids.size() == 60);
  const std::string raw = model.tokenizer.decode(all.ids);
  for (const std::size_t at : {std::size_t{0}, std::size_t{7}, std::size_t{30}}) {
    const std::string stop = raw.substr(at, 4);
    Prompter stopping(compute, model, {.max_tokens = 60, .sampling = {.temperature = 1}, .seed = 5, .stops = {stop}});
    stopping.read(encode_prompt(model, "abc", SpecialTokens::plain));
    const Sample sample = stopping.sample(0, [](std::string_view) {});
    CHECK(sample.end == TextEnd::stop);
    const std::string decoded = model.tokenizer.decode(sample.ids);
    const std::string before = raw.substr(0, raw.find(stop));
    CHECK(before.starts_with(decoded));
    CHECK(before.size() - decoded.size() <= 1);  // a token of two bytes may reach into the stop string
  }
}

TEST_CASE("special tokens other than end-of-text are never sampled") {
  TextModel model = test::byte_model();
  // A model whose vocabulary is larger than its tokenizer's has rows that no text can mean.
  ModelConfig config = model.config();
  config.vocab_size += 20;
  Parameters<float> parameters(config);
  test::randomise(parameters, 43, 0.3);
  model.model.record.config = config;
  model.model.parameters = std::move(parameters);
  const std::vector<std::uint8_t> allowed = model.samplable();
  REQUIRE(allowed.size() == 277);
  for (std::size_t id = 0; id < allowed.size(); ++id) CHECK(allowed[id] == (id < 257 ? 1 : 0));
  Compute compute(1, best_simd_tier());
  Prompter prompter(compute, model, {.max_tokens = 300, .sampling = {.temperature = 3}});
  prompter.read(encode_prompt(model, "", SpecialTokens::plain));
  for (const TokenId id : prompter.sample(0, [](std::string_view) {}).ids) CHECK(id < 257);
}

TEST_CASE("a text ends at each of the model's ends and at a stop token, and says at which") {
  TextModel model = test::special_model("causal");
  const TokenId end = model.tokenizer.end_of_text(), letter = static_cast<TokenId>('e') + 1;
  const TokenId pad = *model.tokenizer.id_of("<|pad|>");
  Compute compute(1, best_simd_tier());
  const auto ends_of = [&](const DrawOptions& draw) {
    Prompter prompter(compute, model, {.max_tokens = 9999, .sampling = {.temperature = 50}, .draw = draw});
    prompter.read(encode_prompt(model, "a", SpecialTokens::plain));
    std::set<std::pair<TextEnd, TokenId>> ends;
    for (std::int64_t number = 0; number < 40; ++number) {
      const Sample sample = prompter.sample(number, [](std::string_view) {});
      REQUIRE(sample.end_token);
      CHECK(std::find(sample.ids.begin(), sample.ids.end(), *sample.end_token) == sample.ids.end());
      ends.emplace(sample.end, *sample.end_token);
    }
    return ends;
  };
  using Ends = std::set<std::pair<TextEnd, TokenId>>;
  CHECK(ends_of({}) == Ends{{TextEnd::end_of_text, end}});
  for (const char* name : {"<|pad|>", " a", "Ġa"}) {
    CAPTURE(name);
    CHECK(ends_of({.stop_tokens = {name}}) ==
          Ends{{TextEnd::end_of_text, end}, {TextEnd::stop, *model.tokenizer.find(name)}});
  }
  model.model.record.ends.ids = {letter, pad};
  const Ends all = {{TextEnd::end_of_text, end}, {TextEnd::end_of_text, letter}, {TextEnd::end_of_text, pad}};
  CHECK(ends_of({}) == all);
  CHECK(ends_of({.stop_tokens = {"<|pad|>", "e"}}) == all);
}

TEST_CASE("a stop token that the vocabulary lacks is refused with what is similar, one without a row by its id") {
  TextModel model = test::special_model("causal");
  const auto refusal = [&](const char* name) -> std::string {
    try {
      drawn_tokens(model, {.stop_tokens = {name}});
    } catch (const Error& error) {
      return error.what();
    }
    return {};
  };
  CHECK(refusal("<|maks|>").find("no token \"<|maks|>\" to stop at; did you mean '<|mask|>'?") != std::string::npos);
  CHECK(refusal("mask").find("did you mean '<|mask|>'?") != std::string::npos);
  CHECK(refusal("zebra").find("with --stop") != std::string::npos);
  CHECK(refusal("").find("no token") != std::string::npos);
  model.model.record.config.vocab_size = *model.tokenizer.id_of("<|mask|>");
  CHECK(refusal("<|mask|>").find("beyond its vocabulary") != std::string::npos);
  CHECK(refusal("<|pad|>").empty());
}

TEST_CASE("special tokens are drawn if that is asked for, and are spelled in the text; unused ids never are") {
  const TextModel model = test::special_model("causal");
  Compute compute(1, best_simd_tier());
  Prompter prompter(compute, model,
                    {.max_tokens = 2000, .sampling = {.temperature = 50}, .draw = {.stop_tokens = {}, .special = true}});
  prompter.read(encode_prompt(model, "a", SpecialTokens::plain));
  bool special = false;
  for (std::int64_t number = 0; number < 8 && !special; ++number) {
    std::string text, spelled;
    const Sample sample = prompter.sample(number, [&](std::string_view piece) { text += piece; });
    for (const TokenId id : sample.ids) {
      CHECK(id != model.tokenizer.end_of_text());
      if (!model.tokenizer.is_special(id)) continue;
      special = true;
      CHECK(text.find(model.bytes_of(id)) != std::string::npos);
    }
  }
  CHECK(special);
  TextModel padded = test::byte_model();
  padded.model.record.config.vocab_size += 3;
  const DrawnTokens drawn = drawn_tokens(padded, {.stop_tokens = {}, .special = true});
  CHECK(std::vector<std::uint8_t>(drawn.allowed.end() - 3, drawn.allowed.end()) == std::vector<std::uint8_t>(3, 0));
}

TEST_CASE("a sample is the same whatever else is sampled and on any number of threads") {
  const TextModel model = test::byte_model();
  const auto text_of = [&](int threads, const std::vector<std::int64_t>& numbers) {
    Compute compute(threads, best_simd_tier());
    Prompter prompter(compute, model, {.max_tokens = 40, .sampling = {.temperature = 1}, .seed = 8});
    prompter.read(encode_prompt(model, "a prompt", SpecialTokens::plain));
    std::string text;
    for (const std::int64_t number : numbers) {
      text.clear();
      prompter.sample(number, [&](std::string_view piece) { text += piece; });
    }
    return text;
  };
  CHECK(text_of(1, {2}) == text_of(2, {0, 1, 2}));
  CHECK(text_of(1, {2}) != text_of(1, {1}));
}

TEST_CASE("the next tokens' probabilities sum to 1, steps multiply to the text's, and the report names each once") {
  const TextModel model = test::byte_model();
  Compute compute(1, best_simd_tier());
  Prompter prompter(compute, model, {});
  prompter.read(encode_prompt(model, "ab\xFF", SpecialTokens::plain));
  const std::vector<Candidate> next = prompter.next_tokens();
  double sum = 0;
  for (const Candidate& candidate : next) sum += candidate.probability;
  CHECK(next.size() == 257);
  CHECK(std::abs(sum - 1) < 1e-12);
  double entropy = 0;
  for (const Candidate& candidate : next) entropy -= candidate.probability * std::log2(candidate.probability);
  const NextTokens likeliest = keep_likeliest(next, 3);
  CHECK(std::abs(likeliest.entropy - entropy) < 1e-12);  // of all 257, not of the three
  const std::string report = next_tokens_report(likeliest, model, NextTokensForm::json);
  CHECK(std::count(report.begin(), report.end(), '\n') == 3);
  const JsonValue first = JsonValue::parse(report.substr(0, report.find('\n')), "test");
  CHECK(first.integer_at("id", "") == next[0].id);
  CHECK(first.number_at("p", "") == next[0].probability);
  CHECK(first.number_at("surprisal", "") == -std::log2(next[0].probability));
  CHECK(first.number_at("entropy", "") == likeliest.entropy);
}

TEST_CASE("the table of next tokens has columns, bars of a width, and nothing that a terminal obeys") {
  const TextModel model = test::byte_model();
  const NextTokens next{.likeliest = {{.id = 'a' + 1, .probability = 0.5},
                                      {.id = 0x1B + 1, .probability = 0.25},
                                      {.id = 0x7F + 1, .probability = 0}},
                        .entropy = 1.5};
  CHECK(next_tokens_report(next, model, NextTokensForm::text) ==
        "# entropy 1.5000 bits\n"
        "#        p      bits      id  piece\n"
        "  0.500000    1.0000      98  \"a\"\n"
        "  0.250000    2.0000      28  \"\\u001b\"\n"
        "  0.000000       inf     128  \"\\x7f\"\n");
  CHECK(next_tokens_report(next, model, NextTokensForm::bars) ==
        "# entropy 1.5000 bits\n"
        "#        p      bits      id                        piece\n"
        "  0.500000    1.0000      98  ####################  \"a\"\n"
        "  0.250000    2.0000      28  ##########            \"\\u001b\"\n"
        "  0.000000       inf     128                        \"\\x7f\"\n");
  CHECK(to_json(next.likeliest.back(), model).string_at("surprisal", "") == "inf");
}

TEST_CASE("a prompt longer than the context loses its beginning, and says how many tokens") {
  const TextModel model = test::byte_model(24);
  Compute compute(1, best_simd_tier());
  Prompter prompter(compute, model, {.max_tokens = 30});
  CHECK(prompter.read(encode_prompt(model, std::string(23, 'x'), SpecialTokens::plain)) == 0);
  CHECK(prompter.read(encode_prompt(model, std::string(24, 'x'), SpecialTokens::plain)) == 25 - 12);
  CHECK(prompter.sample(0, [](std::string_view) {}).ids.size() == 30);
}

TEST_CASE("output formats: a blank line between texts, a line of ids, an object with the manual's keys") {
  const TextModel model = test::byte_model();
  Compute compute(1, best_simd_tier());
  bool together = false;
  const auto written = [&](const SampleOutput& options) {
    Prompter prompter(compute, model, {.max_tokens = 3, .sampling = {.temperature = 0}});
    test::StringOutput output;
    const std::unique_ptr<SampleWriter> writer = make_sample_writer(output, model, options);
    prompter.read(encode_prompt(model, "hi", SpecialTokens::plain));
    for (const std::int64_t number : {0, 1}) {
      writer->begin(prompter, "hi", number);
      if (!together) writer->write_all(prompter);
    }
    if (together) writer->write_all(prompter);
    writer->finish();
    return output.text;
  };
  const std::string text = written({});
  const std::string one = text.substr(0, text.size() / 2);  // two equal texts and a newline between
  CHECK(text == one + "\n" + one);
  const std::vector<SampleOutput> forms = {
      {}, {.echo = true}, {.json = true}, {.format = SampleFormat::ids, .echo = true}, {.format = SampleFormat::lm}};
  std::vector<std::string> apart;
  for (const SampleOutput& form : forms) apart.push_back(written(form));
  together = true;
  for (std::size_t i = 0; i < forms.size(); ++i) CHECK(written(forms[i]) == apart[i]);
  together = false;
  CHECK(written({.echo = true}) == "hi" + one + "\nhi" + one);
  const std::string ids = written({.format = SampleFormat::ids});
  CHECK(std::count(ids.begin(), ids.end(), ' ') == 4);
  CHECK(written({.format = SampleFormat::ids, .echo = true}).starts_with("105 106 "));
  const std::string json = written({.json = true});
  const JsonValue line = JsonValue::parse(json.substr(0, json.find('\n')), "test");
  CHECK(line.string_at("prompt", "") == "hi");
  CHECK(line.string_at("text", "") + "\n" == one);
  CHECK(line.integer_at("tokens", "") == 3);
  CHECK(line.string_at("end", "") == "length");
  CHECK(written({.format = SampleFormat::lm}).starts_with("lm-tokens 1\n"));
}
