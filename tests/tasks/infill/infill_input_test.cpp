#include "tasks/infill/infill_input.h"

#include <doctest/doctest.h>

#include <fstream>
#include <string>

#include "base/error.h"
#include "support/string_output.h"
#include "support/test_data.h"
#include "tasks/infill/infill_model.h"
#include "tasks/infill/infill_output.h"

using namespace lm;

TEST_CASE("the text around a middle comes from two files, a marker or a cursor") {
  test::TemporaryFolder folder;
  const std::string before = folder.path("before"), marked = folder.path("marked");
  std::ofstream(before) << "one\n";
  std::ofstream(marked) << "one\ntwo[FIM] three@\n";
  const InfillInput files({.prefix_file = before, .suffix_file = marked});
  CHECK(files.parts().prefix == "one\n");
  CHECK(files.parts().suffix == "one\ntwo[FIM] three@\n");
  const InfillInput only_suffix({.suffix_file = before});
  CHECK(only_suffix.parts().prefix.empty());
  CHECK(only_suffix.parts().suffix == "one\n");
  const InfillInput by_marker({.text = marked});
  CHECK(by_marker.parts().prefix == "one\ntwo");
  CHECK(by_marker.parts().suffix == " three@\n");
  CHECK(InfillInput({.text = marked, .marker = "@"}).parts().suffix == "\n");
  const InfillInput by_cursor({.text = marked, .cursor = Cursor{.line = 2, .column = 2}});
  CHECK(by_cursor.parts().prefix == "one\nt");
  CHECK_THROWS_AS(InfillInput({.text = before}), Error);
}

TEST_CASE("a cursor is a line and a column, both from 1") {
  CHECK(parse_cursor("12:3")->line == 12);
  CHECK(parse_cursor("12:3")->column == 3);
  for (const char* text : {"", "12", "12:", ":3", "0:1", "1:0", "1:-1", "1:2:3", " 1:2", "1:2 "}) {
    CAPTURE(text);
    CHECK_FALSE(parse_cursor(text).has_value());
  }
}

TEST_CASE("middles are written as text with what is around them, or as objects") {
  const TextModel model = test::infill_model(64);
  Compute compute(1, best_simd_tier());
  Infiller infiller(compute, model, kDefaultFimLayout);
  const InfillText text{.prefix = "ab", .suffix = "cd"};
  infiller.read(text, {.max_tokens = 4});
  const auto written = [&](const InfillOutput& options) {
    test::StringOutput output;
    write_middles(infiller, text, options, output);
    return output.text;
  };
  const std::string middle = written({});
  CHECK(written({.full = true}) == "ab" + middle + "cd");
  CHECK(written({.samples = 2, .ends_line = true}) == middle + "\n\n" + middle + "\n");
  const JsonValue json = JsonValue::parse(written({.full = true, .json = true}), "test");
  CHECK(json.string_at("middle", "") == middle);
  CHECK(json.string_at("text", "") == "ab" + middle + "cd");
}
