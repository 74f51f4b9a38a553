#include "tasks/prompt/sample_prompts.h"

#include <doctest/doctest.h>

#include <fstream>
#include <string>
#include <vector>

#include "base/error.h"
#include "support/string_output.h"
#include "support/test_data.h"
#include "tasks/special_model.h"

using namespace lm;

namespace {

struct Answered {
  std::string text;
  std::vector<std::string> warnings;
  std::vector<PromptKind> kinds;
};

Answered answer(const TextModel& model, const SampleRequest& request, const std::vector<std::string>& prompts) {
  Compute compute(1, best_simd_tier());
  test::StringOutput output;
  Answered result;
  PromptAnswerer answerer(compute, model, output, request,
                          {.kind = [&](PromptKind kind) { result.kinds.push_back(kind); },
                           .warn = [&](const std::string& warning) { result.warnings.push_back(warning); }});
  for (const std::string& prompt : prompts) answerer.answer(prompt);
  answerer.finish();
  result.text = output.text;
  return result;
}

std::vector<std::string> prompts_of(const std::string& text, const PromptSource& source) {
  test::TemporaryFolder folder;
  std::ofstream(folder.path("prompts"), std::ios::binary) << text;
  PromptSource here = source;
  here.paths = {folder.path("prompts")};
  std::vector<std::string> prompts;
  for_each_prompt(here, [&](std::string_view prompt) { prompts.emplace_back(prompt); });
  return prompts;
}

}  // namespace

TEST_CASE("each prompt is answered as it asks: continued, its spans filled, its masks listed") {
  const SampleRequest request{.prompting = {.max_tokens = 3, .sampling = {.temperature = 0}}, .output = {.json = true}};
  const Answered continued = answer(test::special_model("causal"), request, {"ab", "cd"});
  CHECK(continued.kinds == std::vector{PromptKind::continuation, PromptKind::continuation});
  CHECK(continued.text.starts_with("{\"prompt\":\"ab\",\"sample\":0,\"text\":"));
  const Answered filled = answer(test::special_model("span"), request, {"a<|extra_0|>b"});
  CHECK(filled.kinds == std::vector{PromptKind::spans});
  CHECK(filled.text.find("\"spans\":[") != std::string::npos);
  const Answered listed = answer(test::special_model("masked"), request, {"a<|mask|>b"});
  CHECK(listed.kinds == std::vector{PromptKind::masks});
  CHECK(listed.text.find("\"best\":[") != std::string::npos);
}

TEST_CASE("a list of candidates takes the place of samples") {
  const SampleRequest request{.candidates = 2};
  const std::string text = answer(test::special_model("causal"), request, {"ab"}).text;
  CHECK(text.starts_with("# entropy "));
  CHECK(std::count(text.begin(), text.end(), '\n') == 4);
}

TEST_CASE("a gap that the model does not know is warned of once, and a prompt that is too long each time") {
  const SampleRequest request{.prompting = {.max_tokens = 1}};
  const std::string gap = "<|mask|>", longer(30, 'x');
  const Answered result = answer(test::special_model("causal"), request, {gap, gap, longer, longer});
  REQUIRE(result.warnings.size() == 3);
  CHECK(result.warnings[0] ==
        "'<|mask|>' in the prompt is no gap: 'special-model' was trained with the objective 'causal', "
        "which does not fill it; it is taken as text");
  CHECK(result.warnings[1].starts_with("the prompt is longer than the context of 24 tokens: its first "));
}

TEST_CASE("prompts lose the newline that ends them unless it is kept") {
  CHECK(prompts_of("a\nb\n", {}) == std::vector<std::string>{"a\nb"});
  CHECK(prompts_of("a\r\n", {}) == std::vector<std::string>{"a"});
  CHECK(prompts_of("a\n", {.keep_newline = true}) == std::vector<std::string>{"a\n"});
  CHECK(prompts_of("", {}) == std::vector<std::string>{""});
  CHECK(prompts_of("a\r\nb\n", {.documents = parse_document_kind("line")}) == std::vector<std::string>{"a", "b"});
}
