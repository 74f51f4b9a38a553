#include "tasks/train/show_examples.h"

#include <doctest/doctest.h>

#include "tasks/train/resolve.h"
#include "tasks/train/train_data.h"

using namespace lm;

TEST_CASE("examples are shown without a trainer: input, target and weight of each place") {
  const test::TrainFolder folder;
  TrainRequest request = folder.request(folder.tokens("a.tok"));
  request.settings.model.context = 4;
  const TrainInputs inputs = open_inputs(request);
  const TrainExamples examples = open_examples(request.settings, inputs);
  const std::vector<std::string> lines = show_examples(examples, inputs.tokenizer, 2);
  REQUIRE(lines.size() == 2 * (2 + 4));
  CHECK(lines[0] == "# example 1: causal, 4 targets, visible prefix 0");
  CHECK(lines[1] == "# input\ttarget\tweight");
  CHECK(lines[2].ends_with("\t1.0"));
  CHECK(lines[6].starts_with("# example 2"));
}
