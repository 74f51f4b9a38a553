#include "text/post_processor.h"

#include <doctest/doctest.h>

#include "base/error.h"

namespace {

using Ids = std::vector<lm::TokenId>;
lm::TokensAround read(const char* json) { return lm::read_post_processor(lm::JsonValue::parse(json, "a test"), "a test"); }

}  // namespace

TEST_CASE("every type of post-processor gives the tokens before and after a text") {
  CHECK(read("null").before.empty());
  CHECK(read(R"({"type":"ByteLevel","trim_offsets":true})").after.empty());
  const lm::TokensAround pair = read(R"({"type":"RobertaProcessing","sep":["</s>",2],"cls":["<s>",0]})");
  CHECK(pair.before == Ids{0});
  CHECK(pair.after == Ids{2});
  const lm::TokensAround sequence = read(R"({"type":"Sequence","processors":[{"type":"ByteLevel"},
      {"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"x","type_id":0}},{"Sequence":{"id":"A","type_id":0}},
       {"SpecialToken":{"id":"y","type_id":0}}],"special_tokens":{"x":{"id":"x","ids":[7,8],"tokens":["a","b"]},
       "y":{"id":"y","ids":[9],"tokens":["c"]}}}]})");
  CHECK(sequence.before == Ids{7, 8});
  CHECK(sequence.after == Ids{9});
}

TEST_CASE("an unknown type, a token without ids and ids that are none are refused") {
  CHECK_THROWS_WITH_AS(read(R"({"type":"Other"})"), doctest::Contains("\"Other\"; known: BertProcessing"), lm::Error);
  CHECK_THROWS_AS(read(R"({"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"x"}}],"special_tokens":{}})"),
                  lm::Error);
  CHECK_THROWS_AS(read(R"({"type":"BertProcessing","sep":["a",-1],"cls":["b",0]})"), lm::Error);
  CHECK_THROWS_AS(read(R"({"type":"BertProcessing","cls":["b",0]})"), lm::Error);
}

TEST_CASE("what is written of tokens around a text is read as the same") {
  const lm::TokensAround around{.before = {5}, .after = {6, 7}};
  const lm::TokensAround back = lm::read_post_processor(lm::post_processor_json(around, {"a"}, {"b", "c"}), "a test");
  CHECK(back.before == around.before);
  CHECK(back.after == around.after);
  CHECK(lm::post_processor_json({}, {}, {}).is_null());
}
