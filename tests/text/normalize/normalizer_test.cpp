#include "text/normalize/normalizer.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/utf8.h"
#include "support/test_data.h"

namespace {

lm::Normalizer normalizer_of(std::string_view json) {
  return lm::Normalizer::from_json(lm::JsonValue::parse(json, "test"), "test");
}

std::string normalized(const lm::Normalizer& normalizer, std::string_view text, lm::Section section = {}) {
  std::string out;
  normalizer.normalize(text, section, out);
  return out;
}

void add_to_crc32(std::uint32_t& crc, std::string_view bytes) {
  crc = ~crc;
  for (const char byte : bytes) {
    crc ^= static_cast<unsigned char>(byte);
    for (int i = 0; i < 8; ++i) crc = crc >> 1 ^ (0xEDB88320U & (0U - (crc & 1U)));
  }
  crc = ~crc;
}

std::string repeated(std::string_view text, int count) {
  std::string out;
  for (int i = 0; i < count; ++i) out += text;
  return out;
}

}  // namespace

TEST_CASE("normalizers give what the originals give, for hard texts and every code point") {
  const std::string path = lm::test::golden_path("normalizers.json");
  const lm::JsonValue cases = lm::JsonValue::parse(lm::test::read_file(path), path);
  REQUIRE(cases.if_array()->size() == 22);
  for (const lm::JsonValue& one : *cases.if_array()) {
    const lm::JsonValue& spec = *one.find("normalizer");
    CAPTURE(spec.dump().substr(0, 200));
    const lm::Normalizer normalizer = lm::Normalizer::from_json(spec, path);
    for (const lm::JsonValue& text : *one.find("texts")->if_array()) {
      const std::string& input = *(*text.if_array())[0].if_string();
      CAPTURE(lm::json_quote(input));
      CHECK(normalized(normalizer, input) == *(*text.if_array())[1].if_string());
    }
    std::uint32_t crc = 0;
    for (std::uint32_t point = 0; point < 0x110000; ++point) {
      if (point >= 0xD800 && point < 0xE000) continue;
      std::string text = "a";
      lm::append_utf8(text, point);
      add_to_crc32(crc, normalized(normalizer, text + "\xCC\x81") + "\n");
    }
    CHECK(crc == one.integer_at("crc32", path));
  }
}

TEST_CASE("what is not UTF-8 is kept and composes with nothing") {
  for (const char* type : {"NFC", "NFD", "NFKC", "NFKD", "Lowercase", "StripAccents", "Nmt"}) {
    const lm::Normalizer normalizer = normalizer_of(std::string("{\"type\":\"") + type + "\"}");
    CHECK(normalized(normalizer, "\xFF\xE3\x81\xC0 \xED\xA0\x80") == "\xFF\xE3\x81\xC0 \xED\xA0\x80");
  }
  CHECK(normalized(normalizer_of(R"({"type":"NFC"})"), "e\xFF\xCC\x81") == "e\xFF\xCC\x81");
}

TEST_CASE("llama.cpp's words are each followed by a space") {
  const lm::Normalizer normalizer = normalizer_of(R"({"type":"LlamaCppBert"})");
  CHECK(normalized(normalizer, " H\xC3\xA9llo,\tw\xE4\xB8\xADx+ \xFF") == "hello , w \xE4\xB8\xAD x + ");
  CHECK(normalized(normalizer_of(R"({"type":"LlamaCppBert","strip_accents":false,"lowercase":false})"), "H\xC3\xA9") ==
        "H\xC3\xA9 ");
}

TEST_CASE("a text that is cut before a space gives the same in parts") {
  const std::string_view text = " a1  b\n\nc\xCC\x81 `` d\xE3\x80\x80 e   ";
  for (const char* json :
       {R"({"type":"NFKC"})", R"({"type":"LlamaCppBert"})", R"({"type":"SentencePiece"})",
        R"({"type":"SentencePiece","treat_whitespace_as_suffix":true,"user_defined_symbols":["<sep>"]})",
        R"({"type":"Sequence","normalizers":[{"type":"Prepend","prepend":"_"},{"type":"Strip","strip_left":true,)"
        R"("strip_right":true},{"type":"Replace","pattern":{"Regex":" {2,}"},"content":" "}]})"}) {
    const lm::Normalizer normalizer = normalizer_of(json);
    CAPTURE(json);
    REQUIRE(normalizer.may_cut_before_space());
    for (const std::size_t cut : {3U, 6U}) {
      CHECK(normalized(normalizer, text.substr(0, cut), {.ends = false}) +
                normalized(normalizer, text.substr(cut), {.begins = false}) ==
            normalized(normalizer, text));
    }
  }
  for (const char* json : {R"({"type":"Replace","pattern":{"String":"a b"},"content":""})",
                           R"({"type":"SentencePiece","user_defined_symbols":["a\n"]})",
                           R"({"type":"Sequence","normalizers":[{"type":"Replace","pattern":{"String":"a"},"content":" "},)"
                           R"({"type":"Replace","pattern":{"Regex":" {2,}"},"content":" "}]})"}) {
    CHECK_FALSE(normalizer_of(json).may_cut_before_space());
  }
}

TEST_CASE("losses are of the text, of its canonical spelling, or none") {
  CHECK(lm::Normalizer().loss() == lm::NormalizerLoss::nothing);
  CHECK(normalizer_of(R"({"type":"Prepend","prepend":"_"})").loss() == lm::NormalizerLoss::nothing);
  CHECK(normalizer_of(R"({"type":"NFC"})").loss() == lm::NormalizerLoss::canonical_spelling);
  CHECK(normalizer_of(R"({"type":"NFKC"})").loss() == lm::NormalizerLoss::text);
}

TEST_CASE("a normalizer that is not known, or is damaged, is refused") {
  CHECK_THROWS_WITH_AS(normalizer_of(R"({"type":"Foo"})"),
                       doctest::Contains("the normalizer \"Foo\" in 'test' is not known; known are BertNormalizer"),
                       lm::Error);
  for (const char* json : {R"({"type":"Precompiled","precompiled_charsmap":"AAAA"})",
                           R"({"type":"Precompiled","precompiled_charsmap":"////fw=="})",
                           R"({"type":"Precompiled","precompiled_charsmap":"?"})", R"({"type":"Prepend"})",
                           R"({"type":"Replace","pattern":{"Regex":"a|b"},"content":""})"}) {
    CAPTURE(json);
    CHECK_THROWS_AS(normalizer_of(json), lm::Error);
  }
  // A double array that leads out of itself replaces nothing.
  CHECK(normalized(normalizer_of(R"({"type":"Precompiled","precompiled_charsmap":"BAAAAP///38A"})"), "ab") == "ab");
}

TEST_CASE("long runs of marks are put in order") {
  const std::string marks = repeated("\xCC\x81\xCC\xA7", 50'000);  // classes 230 and 202
  CHECK(normalized(normalizer_of(R"({"type":"NFD"})"), "x" + marks) ==
        "x" + repeated("\xCC\xA7", 50'000) + repeated("\xCC\x81", 50'000));
}
