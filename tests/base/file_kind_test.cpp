#include "base/file_kind.h"

#include <doctest/doctest.h>

#include <string>

#include "base/error.h"
#include "base/file_use.h"

namespace lm {

using namespace std::string_view_literals;

namespace {

FileKind kind_of_file(std::string_view content, std::string_view name = "f") {
  return kind_of({.head = content, .tail = content, .size = content.size(), .name = name});
}

FileKind kind_of_stream(std::string_view head) { return kind_of({.head = head, .tail = {}, .size = {}, .name = {}}); }

std::string refusal(FileUse use, FileKind kind) {
  try {
    require_kind(use, kind, "x");
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

}  // namespace

TEST_CASE("a text that begins as a signature does is a text") {
  for (const std::string_view text :
       {"PAR1 is a magic number\n"sv, "PAR1"sv, "PK and its zip\n"sv, "PK"sv, "BZh91 is bzip2's\n"sv, "GGUF is a format\n"sv,
        "GGUF"sv, "lmgg\n"sv, "%PDF-1.4 begins a document\n"sv, "7z x archive\n"sv, "SQLite format 3 is what it says\n"sv,
        "ARROW1 and more\n"sv, "lm-tokens 1 is a magic\n"sv, "lm-counts 1 is another\n"sv, "ustar\n"sv,
        "\n-\n\t<section>is no model of SentencePiece's\n"sv, "\xef\xbb\xbfwith a mark\n"sv,
        "\x80\x99 in some other encoding\n"sv}) {
    CAPTURE(text);
    CHECK(suits(FileUse::text, kind_of_file(text)));
    CHECK(suits(FileUse::text, kind_of_stream(text)));
  }
}

TEST_CASE("a model of SentencePiece, and a shard, are known by what no other file has") {
  CHECK(kind_of_file("\n\x0e\n\x05<unk>\x15\0\0\0\0\x18\x02\n"sv) == FileKind::sentencepiece);
  constexpr std::string_view kSafetensors = "\x02\0\0\0\0\0\0\0{}"sv;
  CHECK(kind_of_file(kSafetensors, "model-00001-of-00002.safetensors") == FileKind::shard);
  CHECK(kind_of_file(kSafetensors, "best-of-3.safetensors") == FileKind::other_model);
  CHECK(kind_of_file(kSafetensors, "00001-of-.safetensors") == FileKind::other_model);
}

TEST_CASE("a GGUF file of either endianness is one, so that its reader can say what to do") {
  CHECK(kind_of_file("GGUF\3\0\0\0\1\0\0\0"sv) == FileKind::gguf);
  CHECK(kind_of_file("GGUF\0\0\0\3\0\0\0\1"sv) == FileKind::gguf);
}

TEST_CASE("JSON may hold DEL as it is") {
  CHECK(kind_of_file("{\"added_tokens\":[{\"content\":\"a\x7f\"}],\"model\":{}}") == FileKind::tokenizer);
}

TEST_CASE("bytes of no known kind are texts, NULs and all") {
  CHECK(kind_of_file("a\0b\0"sv) == FileKind::binary);
  CHECK(suits(FileUse::text, kind_of_file("a\0b\0"sv)));
  // Behind a byte order mark only units that are valid throughout are UTF-16: a low surrogate is not.
  CHECK(kind_of_file("\xff\xfe\x00\xdc"sv) == FileKind::binary);
  CHECK(kind_of_file("\xff\xfe\x3d\xd8\x00\xde"sv) == FileKind::utf16);
}

TEST_CASE("what a pipe holds is recognized by its beginning, and a beginning of a signature is waited for") {
  CHECK(kind_of_stream("PAR1\x15\x04\x15\x00"sv) == FileKind::parquet);
  CHECK(kind_of_stream("\x1f\x8b\x08\x00"sv) == FileKind::gzip);
  CHECK(may_become_signature("\x1f"sv));
  CHECK(may_become_signature("PAR1"sv));
  CHECK(may_become_signature("lm-tok"sv));
  CHECK(may_become_signature("\x58\x00\x00\x00\x00"sv));
  CHECK_FALSE(may_become_signature("P\n"sv));
  CHECK_FALSE(may_become_signature("hello"sv));
  CHECK_FALSE(may_become_signature(""sv));
}

TEST_CASE("every pair of a use and a kind that does not suit it has a sentence that says what to do") {
  for (std::size_t use = 0; use < kFileUses; ++use) {
    for (std::size_t number = 0; number < kFileKinds; ++number) {
      const auto kind = static_cast<FileKind>(number);
      if (suits(static_cast<FileUse>(use), kind)) continue;
      const std::string sentence = refusal(static_cast<FileUse>(use), kind);
      CAPTURE(sentence);
      CHECK(sentence.starts_with("cannot "));
      CHECK(sentence.find("'x'") != std::string::npos);
      CHECK(sentence.find("PATH") == std::string::npos);
      const std::size_t advice = sentence.find("; ");
      REQUIRE(advice != std::string::npos);
      CHECK(sentence.size() - advice > 12);
      CHECK(sentence.back() != '.');
    }
  }
}

TEST_CASE("names of models that are nowhere are distinguished from names of files") {
  CHECK(kind_of_path("no-such-owner/SmolLM2-135M") == FileKind::hub_name);
  CHECK(kind_of_path("no-such-model") == FileKind::hub_name);
  CHECK(kind_of_path("no-such-model.safetensors") == FileKind::missing);
  CHECK(kind_of_path("no/such/model") == FileKind::missing);
  CHECK(kind_of_path("/no-such-model") == FileKind::missing);
  CHECK(refusal(FileUse::model, FileKind::hub_name).find("nothing is downloaded") != std::string::npos);
}

}  // namespace lm
