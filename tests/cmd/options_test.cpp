#include "options.h"

#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <vector>

using namespace lm::cmd;

namespace {
enum class Kind { file, line, word };
}

template <>
inline constexpr auto lm::kChoices<Kind> =
    lm::choice_table<Kind>("kind of thing", {{"file", Kind::file}, {"line", Kind::line}, {"word", Kind::word}});

TEST_CASE("sizes are whole numbers with powers of 1000 for counts and of 1024 for bytes") {
  CHECK(parse_size("0", SizeUnit::count) == 0);
  CHECK(parse_size("4096", SizeUnit::bytes) == 4096);
  CHECK(parse_size("4k", SizeUnit::count) == 4000);
  CHECK(parse_size("4K", SizeUnit::bytes) == 4096);
  CHECK(parse_size("16M", SizeUnit::count) == 16'000'000);
  CHECK(parse_size("2G", SizeUnit::bytes) == 2147483648);
  CHECK(parse_size("1.5k", SizeUnit::count) == 1500);
  CHECK(parse_size("1e3", SizeUnit::count) == 1000);
  for (const char* text : {"", "k", "4kk", "-1", "+1", "1.5", "4x", " 4", "4 ", "1e400", "inf", "nan", "9999T", "0x10"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_size(text, SizeUnit::count).has_value());
  }
}

TEST_CASE("durations take s, m, h, or plain seconds") {
  CHECK(parse_duration("0.5s")->count() == 0.5);
  CHECK(parse_duration("30")->count() == 30);
  CHECK(parse_duration("10m")->count() == 600);
  CHECK(parse_duration("2h")->count() == 7200);
  for (const char* text : {"", "s", "-1s", "1d", "1ms", "1 s", "inf", "nans"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_duration(text).has_value());
  }
}

TEST_CASE("a remaining time is said in two units at most") {
  CHECK(format_duration(Seconds(9.4)) == "9s");
  CHECK(format_duration(Seconds(65)) == "1m05s");
  CHECK(format_duration(Seconds(7384)) == "2h03m");
}

TEST_CASE("a repeated option takes one value each time and leaves the files alone") {
  CLI::App app;
  std::vector<std::string> stops;
  std::vector<std::string> files;
  add_repeated(app, "--stop", stops, "");
  add_files(app, "FILE", files, "");
  app.parse("--stop a b --stop c -", false);
  CHECK(stops == std::vector<std::string>{"a", "c"});
  CHECK(files == std::vector<std::string>{"b", "-"});
}

TEST_CASE("a value out of range is refused with what is accepted") {
  CLI::App app;
  std::int64_t threads = 1;
  double rate = 0.5;
  add_size(app, "-t,--threads", threads, "", SizeUnit::count, {1, 8});
  add_real(app, "--rate", rate, "", {0, 1});
  for (const char* text : {"9", "-5", "1e18", "1.5", "x", "9T"}) {
    CAPTURE(text);
    CHECK_THROWS_WITH(
        app.parse(std::string("--threads ") + text, false),
        ("cannot use '" + std::string(text) + "' for --threads: expected a whole number from 1 to 8, such as 100 or 4k")
            .c_str());
  }
  CHECK_THROWS_WITH(app.parse("--rate -1", false), "cannot use '-1' for --rate: expected a number from 0 to 1");
  CHECK_THROWS_WITH(app.parse("--rate 1.01", false), "cannot use '1.01' for --rate: expected a number from 0 to 1");
  CHECK_THROWS(app.parse("--rate nan", false));
  app.parse("--rate 1 --threads 2 --threads 3", false);
  CHECK(rate == 1);
  CHECK(threads == 3);
}

TEST_CASE("what is wrong with a number is said") {
  const auto fault = [](const char* name, const std::string& text) {
    CLI::App app;
    std::int64_t count = 1, bytes = 1;
    double rate = 0.5;
    Seconds time{1};
    add_size(app, "--count", count, "");
    add_size(app, "--bytes", bytes, "", SizeUnit::bytes);
    add_real(app, "--rate", rate, "", {0, 1});
    add_duration(app, "--time", time, "");
    try {
      app.parse(std::vector<std::string>{text, name});
    } catch (const CLI::ParseError& error) {
      const std::string message = error.what();
      const std::string start = "cannot use '" + text + "' for " + name + ": ";
      REQUIRE(message.starts_with(start));
      return message.substr(start.size());
    }
    return std::string("accepted");
  };
  CHECK(fault("--count", "1e18") == "expected a whole number from 1 to 9007199254740991, such as 100 or 4k");
  CHECK(fault("--count", "1,000") ==
        "write it without the comma, and a fraction with a point; "
        "expected a whole number from 1 to 9007199254740991, such as 100 or 4k");
  CHECK(fault("--count", "1_000").starts_with("write it without the underscore; "));
  CHECK(fault("--count", "4kb").starts_with("unknown unit 'kb' (k, M, G and T are known, powers of 1000); "));
  CHECK(fault("--bytes", "4GiB") ==
        "unknown unit 'GiB' (k, M, G and T are known, powers of 1024); "
        "expected a whole number of bytes from 1 to 9007199254740991, such as 512M or 4G");
  CHECK(fault("--rate", "15%") == "write a fraction, not a percentage; expected a number from 0 to 1");
  CHECK(fault("--rate", "0,5").starts_with("write it without the comma, and a fraction with a point; "));
  CHECK(fault("--time", "3d") ==
        "unknown unit 'd' (s, m and h are known); "
        "expected a time from 0s to 876600h, such as 0.5s, 30s, 10m or 2h");
  CHECK(fault("--time", "1e300h") == "expected a time from 0s to 876600h, such as 0.5s, 30s, 10m or 2h");
  CHECK(fault("--time", "-3s") == "expected a time from 0s to 876600h, such as 0.5s, 30s, 10m or 2h");
}

TEST_CASE("a choice from an enum's table is parsed, shown and refused by its words") {
  CLI::App app;
  Kind kind = Kind::file;
  const CLI::Option* option = add_choice(app, "-k,--kind", kind, "");
  CHECK(option->get_default_str() == "file");
  CHECK(option->get_type_name() == "file|line|word");
  app.parse("--kind line", false);
  CHECK(kind == Kind::line);
  CHECK_THROWS_WITH(app.parse("-k wort", false),
                    "--kind: unknown kind of thing 'wort'; known: file, line, word; did you mean 'word'?");
  app.add_flag("--json");
  CHECK_THROWS_WITH(app.parse("--kind jsn", false),
                    "--kind: unknown kind of thing 'jsn'; known: file, line, word; did you mean '--json'?");
}

TEST_CASE("a choice of some values of an enum takes no other") {
  CLI::App app;
  Kind kind = Kind::line;
  const CLI::Option* option = add_choice(app, "--kind", kind, "", {Kind::file, Kind::line});
  CHECK(option->get_type_name() == "file|line");
  CHECK_THROWS_WITH(app.parse("--kind word", false), "--kind: unknown kind of thing 'word'; known: file, line");
}

TEST_CASE("a choice that may be empty has no default, or a word for it") {
  CLI::App app;
  std::optional<Kind> plain, named;
  CHECK(add_choice(app, "--plain", plain, "")->get_default_str().empty());
  const CLI::Option* option = add_choice(app, "--named", named, "", "auto");
  CHECK(option->get_default_str() == "auto");
  CHECK(option->get_type_name() == "auto|file|line|word");
  app.parse("--plain line --named word", false);
  CHECK(plain == Kind::line);
  CHECK(named == Kind::word);
  app.parse("--named auto", false);
  CHECK_FALSE(named.has_value());
  CHECK_THROWS_WITH(app.parse("--plain auto", false), "--plain: unknown kind of thing 'auto'; known: file, line, word");
}
