#include "tasks/infill/infill_requests.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "support/test_data.h"
#include "tasks/infill/infill_model.h"

using namespace lm;

namespace {

/// What a reader with that maximum makes of a file's bytes: lines, "<too long>", and nothing after the end.
std::vector<std::string> lines_of(const std::string& bytes, std::size_t maximum) {
  test::TemporaryFolder folder;
  const std::unique_ptr<OutputStream> output = open_output(folder.path("lines"));
  output->write(bytes);
  output->close();
  TextInput input(open_input(folder.path("lines")), FileUse::text, Accept::anything);
  LineReader reader(input, maximum);
  std::vector<std::string> lines;
  std::string line;
  for (;;) {
    const LineReader::Line kind = reader.next(line);
    if (kind == LineReader::Line::end) return lines;
    lines.push_back(kind == LineReader::Line::line ? line : "<too long>");
  }
}

struct Service {
  TextModel model = test::infill_model(128);
  Compute compute{1, best_simd_tier()};
  Infiller infiller{compute, model, "psm"};
  InfillOptions defaults = {.max_tokens = 8};

  JsonValue answer(std::string_view line) { return answer_request(infiller, line, defaults); }
  std::string error(std::string_view line) {
    const JsonValue answered = answer(line);
    CHECK(answered.find("middle") == nullptr);
    return answered.string_at("error", "answer");
  }
};

}  // namespace

TEST_CASE("lines come whole whatever their length, the last without its newline too") {
  const std::string longer(200000, 'x');  // than what is read at once
  CHECK(lines_of("", 10).empty());
  CHECK(lines_of("\n\na\nb", 10) == std::vector<std::string>{"", "", "a", "b"});
  CHECK(lines_of(longer + "\n" + longer, 1000000) == std::vector<std::string>{longer, longer});
}

TEST_CASE("a line that is too long is one, and those after it are whole") {
  const std::string longer(300000, 'x');
  const std::vector<std::string> expected = {"a", "<too long>", "b", "<too long>"};
  CHECK(lines_of("a\n" + longer + "\nb\n" + longer, 100000) == expected);
  CHECK(lines_of("a\n" + longer + "\nb\n" + longer + "\n", 5) == expected);
  CHECK(lines_of("12345\n123456\n", 5) == std::vector<std::string>{"12345", "<too long>"});
}

TEST_CASE("an answer has the middle, its end and its tokens, after the request's id of any kind") {
  Service service;
  const JsonValue answer = service.answer(R"({"id":{"a":[1,null]},"prefix":"x = ","suffix":"\n"})");
  CHECK(answer.find("id")->dump() == R"({"a":[1,null]})");
  CHECK(answer.if_object()->front().first == "id");
  CHECK(answer.find("error") == nullptr);
  CHECK(answer.find("middle")->if_string() != nullptr);
  CHECK(answer.integer_at("tokens", "") <= 8);
  CHECK(service.answer(R"({"prefix":"x = ","suffix":"\n"})").find("id") == nullptr);
}

TEST_CASE("a request's options are in place of the defaults for this request only") {
  Service service;
  const std::string plain = R"({"prefix":"x = ","suffix":"\n"})";
  const std::string before = service.answer(plain).dump();
  CHECK(service.answer(R"({"prefix":"x = ","suffix":"\n","n":0})").string_at("middle", "") == "");
  const JsonValue several = service.answer(
      R"({"prefix":"x","suffix":"","samples":3,"temperature":2,"top_k":50,"top_p":0.9,"min_p":0.01,"seed":7})");
  REQUIRE(several.find("middles") != nullptr);
  CHECK(several.find("middles")->if_array()->size() == 3);
  CHECK(*several.find("middles")->if_array()->front().if_string() == several.string_at("middle", ""));
  const std::string middle = service.answer(plain).string_at("middle", "");
  REQUIRE(middle.size() > 2);
  const JsonValue stopped =
      service.answer(R"({"prefix":"x = ","suffix":"\n","stop":[)" + json_quote(middle.substr(1, 1)) + "]}");
  CHECK(stopped.string_at("middle", "") == middle.substr(0, 1));
  CHECK(stopped.string_at("end", "") == "stop");
  CHECK(service.answer(plain).dump() == before);
}

TEST_CASE("each bad request gets what is wrong as its answer, with its id, and the next one is answered as ever") {
  Service service;
  const std::string good = R"({"id":1,"prefix":"x = ","suffix":"\n"})";
  const std::string expected = service.answer(good).dump();
  const std::vector<std::pair<std::string, std::string>> bad = {
      {"", "JSON"},
      {"{", "JSON"},
      {R"({"prefix":"a","suffix":"b"} x)", "JSON"},
      {"{\"prefix\":\"\xFF\",\"suffix\":\"\"}", "JSON"},
      {R"({"prefix":"\ud800","suffix":""})", "JSON"},
      {R"({"prefix":"a","prefix":"b","suffix":""})", "twice"},
      {"[]", "object"},
      {"null", "object"},
      {R"({"prefix":"a"})", "lacks 'suffix'"},
      {R"({"suffix":"a"})", "lacks 'prefix'"},
      {R"({"prefix":1,"suffix":""})", "a string for 'prefix'"},
      {R"({"prefix":"","suffix":"","n":-1})", "'n'"},
      {R"({"prefix":"","suffix":"","n":1.5})", "'n'"},
      {R"({"prefix":"","suffix":"","n":1e300})", "'n'"},
      {R"({"prefix":"","suffix":"","n":"1"})", "'n'"},
      {R"({"prefix":"","suffix":"","temperature":-1})", "temperature"},
      {R"({"prefix":"","suffix":"","temperature":"hot"})", "temperature"},
      {R"({"prefix":"","suffix":"","top_p":2})", "top-p"},
      {R"({"prefix":"","suffix":"","samples":0})", "samples"},
      {R"({"prefix":"","suffix":"","samples":65})", "samples"},
      {R"({"prefix":"","suffix":"","stop":[1]})", "stop"},
      {R"({"prefix":"","suffix":"","stop":""})", "not empty for 'stop'"},
      {R"({"prefix":"","suffix":"","single_line":1})", "single_line"},
      {R"({"prefix":"","suffix":"","sufix":""})", "unknown key 'sufix'; did you mean 'suffix'?"},
      {std::string(100, '['), "JSON"},
  };
  for (const auto& [request, message] : bad) {
    CAPTURE(request);
    CHECK(service.error(request).find(message) != std::string::npos);
    CHECK(service.answer(good).dump() == expected);
  }
  CHECK(service.answer(R"({"id":"x","prefix":1})").find("id")->dump() == "\"x\"");
  CHECK(service.error(R"({"prefix":"","suffix":"","a\u0000b":""})") == "unknown key 'a\\u0000b'");
}

TEST_CASE("an id is given back as it was written, whatever number or nesting it is, and wherever it is") {
  Service service;
  for (const std::string id : {"12345678901234567890", "-0", "1.50", "1E+2", "0.1000000000000000055511151231257827",
                               R"({"a": [1.0, "}\"],"]} )", R"("\u0069\\")", "[ ]", "null", "-1"}) {
    CAPTURE(id);
    const std::string shown = id.ends_with(' ') ? id.substr(0, id.size() - 1) : id;
    for (const std::string& request :
         {R"({"id":)" + id + R"(,"prefix":"x","suffix":""})",
          R"( { "prefix":"x\",","suffix":"\"id\":1" , "\u0069d" : )" + id + "}", R"({"n":1,"id":)" + id + "}"}) {
      CAPTURE(request);
      CHECK(service.answer(request).dump().starts_with("{\"id\":" + shown + ","));
    }
  }
  CHECK(service.answer("{}").find("id") == nullptr);
  CHECK(service.answer(R"({"ids":1,"prefix":"id"})").find("id") == nullptr);
}
