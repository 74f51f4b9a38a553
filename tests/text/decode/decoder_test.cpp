#include "text/decode/decoder.h"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

#include "base/error.h"
#include "support/test_data.h"

namespace {

using TestedDecoder = lm::TokenDecoder;

TestedDecoder decoder_of(std::string_view json) {
  return TestedDecoder::from_json(lm::JsonValue::parse(json, "test"), "test");
}

std::string decoded(const TestedDecoder& decoder, std::initializer_list<std::string_view> tokens) {
  TestedDecoder::State state;
  std::string out;
  decoder.begin(state);
  for (const std::string_view token : tokens) decoder.feed(state, token, out);
  decoder.finish(state, out);
  return out;
}

constexpr std::string_view kFused =
    R"({"type":"Sequence","decoders":[{"type":"ByteFallback"},{"type":"Fuse"},{"type":"Strip","content":"▁","start":1,"stop":1}]})";

}  // namespace

TEST_CASE("decoders give what Hugging Face's give") {
  const std::string path = lm::test::golden_path("decoders.json");
  const lm::JsonValue cases = lm::JsonValue::parse(lm::test::read_file(path), path);
  REQUIRE(cases.if_array()->size() == 13);
  for (const lm::JsonValue& one : *cases.if_array()) {
    const lm::JsonValue& spec = *one.find("decoder");
    CAPTURE(spec.dump());
    const TestedDecoder decoder = TestedDecoder::from_json(spec, path);
    for (const lm::JsonValue& text : *one.find("texts")->if_array()) {
      CAPTURE(text.dump());
      TestedDecoder::State state;
      std::string out;
      decoder.begin(state);
      for (const lm::JsonValue& token : *(*text.if_array())[0].if_array()) decoder.feed(state, *token.if_string(), out);
      decoder.finish(state, out);
      CHECK(out == *(*text.if_array())[1].if_string());
    }
  }
}

TEST_CASE("bytes are written as they are, and a character in parts is found at the text's ends") {
  CHECK(decoded(decoder_of(kFused), {"<0xE2>", "<0x96>", "<0x81>", "a", "<0xFF>", "b", "<0xE2>", "<0x96>", "<0x81>"}) ==
        "a\xFF"
        "b");
  CHECK(decoded(decoder_of(kFused), {"a", "<0xE2>", "<0x96>"}) == "a\xE2\x96");
  CHECK(decoded(decoder_of(R"({"type":"ByteLevel"})"), {"\xC3\xA3", "\xC4\xA0x"}) == "\xE3 x");
}

TEST_CASE("the text of a token in the middle is known by itself") {
  using lm::token_text;
  CHECK(token_text(decoder_of(R"({"type":"Metaspace","replacement":"▁"})"), "▁the") == " the");
  CHECK(token_text(decoder_of(R"({"type":"WordPiece","prefix":"##","cleanup":true})"), "##ing") == "ing");
  CHECK(token_text(decoder_of(R"({"type":"WordPiece","prefix":"##","cleanup":true})"), "the") == " the");
  CHECK(token_text(decoder_of(R"({"type":"BPEDecoder","suffix":"</w>"})"), "the</w>") == "the ");
  CHECK(token_text(decoder_of(kFused), "▁") == "▁");
  CHECK(token_text(decoder_of(kFused), "<0x0A>") == "\n");
  CHECK(token_text(TestedDecoder(), "the") == " the");
}

TEST_CASE("a decoder that is not known, or comes where it cannot, is refused") {
  CHECK_THROWS_WITH_AS(decoder_of(R"({"type":"Foo"})"),
                       doctest::Contains("the decoder \"Foo\" in 'test' is not known; known are BPEDecoder"), lm::Error);
  CHECK_THROWS_AS(decoder_of(R"({"type":"Sequence","decoders":[{"type":"Fuse"},{"type":"ByteFallback"}]})"), lm::Error);
  CHECK_THROWS_AS(decoder_of(R"({"type":"Strip","content":"ab","start":1,"stop":0})"), lm::Error);
  CHECK_THROWS_AS(decoder_of(R"({"type":"Metaspace","replacement":"▁","prepend_scheme":"often"})"), lm::Error);
}
