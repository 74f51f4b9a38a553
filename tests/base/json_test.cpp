#include "base/json.h"

#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/rng.h"
#include "support/memory_limit.h"

namespace lm {

namespace {

JsonValue parse(std::string_view text) { return JsonValue::parse(text, "x.json"); }

std::string refusal(std::string_view text) {
  try {
    parse(text);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

std::string nested(int depth) {
  return std::string(static_cast<std::size_t>(depth), '[') + std::string(static_cast<std::size_t>(depth), ']');
}

}  // namespace

TEST_CASE("what only Python writes is refused with what to do about it") {
  for (const char* text : {R"({"a": NaN})", R"([Infinity])", R"([-Infinity])", "NaN"}) {
    CAPTURE(text);
    CHECK(contains(refusal(text), "NaN and Infinity are not JSON, though Python writes them; put a number or null there"));
  }
  CHECK(!contains(refusal("[Nine]"), "Python"));
}

TEST_CASE("what is written reads back the same, reals as reals") {
  const std::string text = R"({"a":[1,-2,9223372036854775807,1.5,1e+300,0.1],)"
                           R"("b":{"c":"x\n\"\\\u0001é€😀"},"d":null,"e":true,"f":[],"g":{},"h":2.0})";
  CHECK(parse(text).dump() == text);
  CHECK(parse(parse(text).dump(2)).dump() == text);
  CHECK(parse(" [ 1 ,\n2 ] ").dump() == "[1,2]");
  CHECK(JsonValue(std::nan("")).dump() == "null");
  CHECK(JsonValue(std::numeric_limits<double>::infinity()).dump() == "null");
  for (const char* large : {"18446744073709551615", "-9223372036854775809", "1000000000000000019884624838656"}) {
    CHECK(parse(large).dump() == large);
    double number = 0;
    CHECK(parse(large).to_double(number));
    CHECK(number == std::strtod(large, nullptr));
    CHECK(parse(large).if_integer() == nullptr);
  }
}

TEST_CASE("any finite double reads back with the same bits") {
  Rng rng(1, RngPurpose::test);
  for (int i = 0; i < 20000; ++i) {
    const std::uint64_t bits = rng.next_u64();
    const double value = std::bit_cast<double>(bits);
    if (!std::isfinite(value)) continue;
    double back = 0;
    REQUIRE(parse(JsonValue(value).dump()).to_double(back));
    CHECK(std::bit_cast<std::uint64_t>(back) == bits);
  }
}

TEST_CASE("an indented document has one value a line") {
  CHECK(parse(R"({"a":[1,2],"b":{},"c":[]})").dump(2) == "{\n  \"a\": [\n    1,\n    2\n  ],\n  \"b\": {},\n  \"c\": []\n}");
}

TEST_CASE("what is not JSON is refused with the source and the byte") {
  for (const char* text : {"",
                           " ",
                           "{",
                           "[1,]",
                           "{\"a\":}",
                           "{\"a\" 1}",
                           "{a:1}",
                           "nul",
                           "01",
                           "1.",
                           "+1",
                           "'a'",
                           "\"\\x\"",
                           "\"\t\"",
                           "\"\xff\"",
                           "\"\xc0\x80\"",
                           "\"\xed\xa0\x80\"",
                           "\"\\ud800\"",
                           "1e999",
                           "[1] 2",
                           "[1]]",
                           "{} x",
                           "// c\n1"}) {
    CAPTURE(text);
    CHECK(contains(refusal(text), "invalid JSON in 'x.json' at byte "));
  }
  CHECK(contains(refusal("[1, 2, x]"), "at byte 7: "));
  CHECK(contains(refusal("[1] x"), "at byte 4: "));
}

TEST_CASE("bytes after a NUL are not ignored") {
  CHECK(contains(refusal(std::string_view("{}\0x", 4)), "at byte 2: a NUL byte"));
  CHECK(contains(refusal(std::string_view("{}\0", 3)), "at byte 2: a NUL byte"));
}

TEST_CASE("nesting of 16 is read, of 17 refused, of a million without crashing") {
  CHECK(parse(nested(16)).dump() == nested(16));
  CHECK(contains(refusal(nested(17)), "at byte 16: nested deeper than 16"));
  CHECK(contains(refusal(std::string(1000000, '[')), "nested deeper than 16"));
  std::string objects;
  for (int i = 0; i < 17; ++i) objects += "{\"a\":";
  CHECK(contains(refusal(objects), "nested deeper than 16"));
}

TEST_CASE("a key that appears twice in one object is refused, in two objects not") {
  CHECK(contains(refusal(R"({"a":1,"b":2,"a":3})"), "\"a\" appears twice"));
  CHECK(contains(refusal(R"({"x":{"a":1,"\u0061":3}})"), "\"a\" appears twice"));
  CHECK(parse(R"([{"a":1},{"a":{"a":2}}])").dump() == R"([{"a":1},{"a":{"a":2}}])");
}

TEST_CASE("a small document that would make a huge tree is refused") {
  std::string bomb = "[";
  for (int i = 0; i < 2000000; ++i) bomb += "0,";
  bomb += "0]";
  CHECK(contains(refusal(bomb), "more values than a file of its size should"));
  std::string lists = "[";
  for (int i = 0; i < 500000; ++i) lists += "[0],";
  CHECK(contains(refusal(lists + "0]"), "more values"));
  CHECK(refusal("\"" + std::string(20000000, 'a') + "\"").empty());
}

TEST_CASE("members are found by key and their types checked with a sentence") {
  const JsonValue value = parse(R"({"i":3,"r":0.5,"s":"t","b":false})");
  CHECK(value.integer_at("i", "f") == 3);
  CHECK(value.number_at("i", "f") == 3.0);
  CHECK(value.number_at("r", "f") == 0.5);
  CHECK(value.string_at("s", "f") == "t");
  CHECK_FALSE(value.boolean_at("b", "f"));
  CHECK(value.find("q") == nullptr);
  CHECK(JsonValue(1).find("q") == nullptr);
  CHECK_THROWS_WITH_AS(value.integer_at("r", "f"), "expected an integer for 'r' in 'f'", Error);
  CHECK_THROWS_WITH_AS(value.string_at("q", "f"), "expected a string for 'q' in 'f', which lacks it", Error);
}

TEST_CASE("set makes an object, appends and replaces") {
  JsonValue value;
  value.set("b", 1).set("a", "x").set("b", JsonValue(JsonValue::Array{1, 2.5, true}));
  CHECK(value.dump() == R"({"b":[1,2.5,true],"a":"x"})");
}

TEST_CASE("each maximal invalid part of UTF-8 becomes one replacement character") {
  const std::string r = "\xEF\xBF\xBD";
  CHECK(json_quote("a\xff"
                   "b") == "\"a" + r + "b\"");
  CHECK(json_quote("\xe2\x82") == "\"" + r + "\"");
  CHECK(json_quote("\xf0\x9f\x98!") == "\"" + r + "!\"");
  CHECK(json_quote("\xc0\xaf") == "\"" + r + r + "\"");
  CHECK(json_quote("\xed\xa0\x80") == "\"" + r + r + r + "\"");
  CHECK(json_quote("\xf4\x90\x80\x80") == "\"" + r + r + r + r + "\"");
  CHECK(json_quote("\xf0\x9f\x98\x80") == "\"\xf0\x9f\x98\x80\"");
  CHECK(json_quote(std::string_view("\0\x1f\x7f", 3)) == "\"\\u0000\\u001f\x7f\"");
}

TEST_CASE("long strings, which take another way, are read and refused exactly as short ones") {
  Rng rng(4, RngPurpose::test);
  const std::vector<std::string> parts = {"a",
                                          "\\\"",
                                          "\\\\",
                                          "\\/",
                                          "\\n",
                                          "\\u0041",
                                          "\\u00e9",
                                          "\\u20AC",
                                          "\\ud83d",
                                          "\\uDE00",
                                          "\\u00",
                                          "\\x",
                                          "\t",
                                          "\x1f",
                                          "\x7f",
                                          "\xc3\xa9",
                                          "\xc3",
                                          "\xed\xa0\x80",
                                          "\xf0\x9f\x98\x80",
                                          "{\\\"b\\\":[",
                                          "\\u0000",
                                          "  ",
                                          "\xe2\x82",
                                          "\\ud83d\\ude00"};
  const std::string filler(70000, 'x');
  int read = 0;
  for (int i = 0; i < 3000; ++i) {
    std::string content;
    for (std::uint64_t k = rng.below(4); k > 0; --k) content += parts[rng.below(parts.size())];
    const auto string_in = [](const std::string& text) -> std::string {
      try {
        return *parse("[1,\"" + text + "\", 2]").if_array()->at(1).if_string();
      } catch (const Error& error) {
        CHECK(contains(error.what(), "at byte "));
        return "refused";
      }
    };
    const std::string expected = string_in(content);
    CAPTURE(content);
    CHECK((string_in(content + filler) == (expected == "refused" ? expected : expected + filler)));
    CHECK((string_in(filler + content) == (expected == "refused" ? expected : filler + expected)));
    read += expected == "refused" ? 0 : 1;
  }
  CHECK(read > 1000);
  CHECK(read < 2500);
  const JsonValue object = parse("{\"" + filler + "\":1,\"b\":\"" + filler + "\",\"" + filler + "y\":\"z\"}");
  CHECK(object.integer_at(filler, "f") == 1);
  CHECK((object.string_at("b", "f") == filler));
  CHECK(object.string_at(filler + "y", "f") == "z");
  CHECK(contains(refusal("{\"" + filler + "\":1,\"" + filler + "\":2}"), "appears twice"));
}

TEST_CASE("long blanks are skipped, long numbers and words refused, and errors after them are placed right") {
  const std::string blanks(100000, ' ');
  CHECK(parse(blanks + "[" + blanks + "1," + blanks + "2]" + blanks).dump() == "[1,2]");
  CHECK(contains(refusal("[1" + blanks + "2]"), "at byte 100003: "));
  CHECK(contains(refusal("[" + std::string(100000, '1') + "]"), "at byte 1: a number or word of more than 65536 bytes"));
  CHECK(contains(refusal("[\"" + std::string(100000, 'a')), "missing closing quote"));
  CHECK(contains(refusal("[\"" + std::string(100000, 'a') + "\\"), "missing closing quote"));
  CHECK(contains(refusal("[\"" + std::string(100000, 'a') + "\" x"), "at byte 100004: "));
  CHECK(contains(refusal("[\"" + std::string(100000, 'a') + "\\q\"]"), "at byte 100002: an unknown escape"));
}

TEST_CASE("refusing a document takes no more memory than twice its size and 16 MiB") {
  constexpr std::size_t kSize = std::size_t{48} << 20;
  const auto repeated = [](const std::string& part) {
    std::string text = "[";
    while (text.size() < kSize) text += part;
    return text;
  };
  const std::string letters(kSize, 'a');
  for (const std::string& text : {"\"" + letters, "[\"" + letters + "\",x", "[\"\\n" + letters + "\",x",
                                  "{\"" + letters + "\":1,\"" + letters + "\":2}", letters, "[" + std::string(kSize, '1'),
                                  "[" + std::string(kSize, ' ') + "x", repeated("0,"), repeated("[],"), repeated("\"\","),
                                  repeated("{\"a\":0},"), repeated("\"aaaaaaaaaaaaaaaaaaaa\",")}) {
    CAPTURE(text.substr(0, 20));
    CHECK(test::with_memory_limit(2 * text.size() + (std::size_t{16} << 20), [&] { parse(text); }) ==
          test::Outcome::refused);
  }
}

TEST_CASE("a handler's own refusal ends the reading") {
  struct Refuser : AnyJson {
    void integer(std::int64_t) override { throw Error("no integers"); }
  } refuser;
  CHECK_THROWS_WITH_AS(parse_json_events("[null, 1]", "f", refuser), "no integers", Error);
}

}  // namespace lm
