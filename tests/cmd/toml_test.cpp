#include "toml.h"

#include <doctest/doctest.h>

#include "config.h"
#include "options.h"

using namespace lm::cmd;

TEST_CASE("strings, numbers, booleans and arrays are read, comments and blank lines skipped") {
  const std::vector<TomlItem> items = read_toml(
      "# a comment\r\n"
      "layers = 4 # four\n\n"
      "rate = -1.5e-3\n"
      "tied = true\n"
      "name = \"a\\n\\\"b\\\" \\u00e9\\U0001F600\"\n"
      "path = 'c:\\x'\n"
      "big = 1_000\n"
      "stop = [ \"x\", # one\n 'y',\n]\n"
      "none = []");
  REQUIRE(items.size() == 8);
  CHECK(items[0].key == "layers");
  CHECK(items[0].line == 2);
  CHECK(items[0].values.at(0) == "4");
  CHECK(items[1].values.at(0) == "-1.5e-3");
  CHECK(items[2].values.at(0) == "true");
  CHECK(items[3].values.at(0) == "a\n\"b\" \xC3\xA9\xF0\x9F\x98\x80");
  CHECK(items[4].values.at(0) == "c:\\x");
  CHECK(items[5].values.at(0) == "1000");
  CHECK(items[6].values == std::vector<std::string>{"x", "y"});
  CHECK(items[7].values.empty());
}

TEST_CASE("what is dumped can be read: numbers beyond 64 bits are texts") {
  for (const char* text : {"9223372036854775807", "9223372036854775808", "-99999999999999999999", "1e400", "1e300", "0.5"}) {
    CAPTURE(text);
    const std::vector<TomlItem> items = read_toml("a = " + toml_value(text));
    REQUIRE(items.size() == 1);
    CHECK(items[0].values.at(0) == text);
  }
}

TEST_CASE("a byte order mark is skipped, and long lists are read in one walk") {
  CHECK(read_toml("\xEF\xBB\xBFseed = 3\n").at(0).values.at(0) == "3");
  std::string list = "\xEF\xBB\xBFnumbers = [";
  for (int i = 0; i < 100000; ++i) list += std::to_string(i) + (i % 7 == 0 ? ",\n" : ", ");
  const std::vector<TomlItem> items = read_toml(list + "]");
  REQUIRE(items.at(0).values.size() == 100000);
  CHECK(items[0].values.back() == "99999");
}

TEST_CASE("what is not flat TOML is refused with its line") {
  for (const char* text :
       {"\n[table]", "\na", "\na =", "\na = b", "\na = 1 2", "\na = \"x", "\na = \"\"\"x\"\"\"", "\na = \"\\q\"", "\na = [1",
        "\na = [1 2]", "\na = 01", "\na = \"\\ud800\"", "\na = 1\na = 2", "\n= 1", "\na.b = 1"}) {
    CAPTURE(text);
    int line = 0;
    try {
      read_toml(text);
    } catch (const TomlError& error) {
      line = error.line();
    }
    CHECK(line >= 2);
  }
}

TEST_CASE("a mistake has its place, what is wrong, and what to do") {
  const auto message = [](const char* text) {
    try {
      read_toml(text);
    } catch (const TomlError& error) {
      return error.place() + ": " + error.what();
    }
    return std::string("no mistake");
  };
  CHECK(message("a = 1\nsteps = 4k\n").starts_with("line 2, column "));
  CHECK(message("a = 1\nsteps = 4k\n").ends_with("; each line is option = value, with text in quotes"));
  CHECK(message("a = 1\n a = 2\n").starts_with("line 2, column "));
  CHECK(message("[table]\na = 1").ends_with(": tables are not used here; write option = value"));
  CHECK(message("a.b = 1").ends_with(": tables are not used here; write option = value"));
  CHECK(message("x = {a = 1}").ends_with(": tables are not used here; write option = value"));
  CHECK(message("x = [[1], [2]]") == "line 1, column 6: a list holds values, not lists");
  CHECK(message("x = 1979-05-27") == "line 1, column 5: dates and times are not used here; write text in quotes");
  CHECK(message("'\xC3\xA9' = 0x1F") == "line 1, column 7: expected a decimal number, got '0x1F'");
  CHECK(message("x = inf") == "line 1, column 5: expected a decimal number, got 'inf'");
  CHECK(message("x = '''a'''") ==
        "line 1, column 5: strings over several lines are not used here; write \\n for the end of a line");
}

TEST_CASE("items come in the order of the text, whatever their keys") {
  const std::vector<TomlItem> items = read_toml("z = [1.50, -2e3] # two\n'\xFF' = '\xF4\x8F\xBF\xBF'\na = true\n");
  REQUIRE(items.size() == 3);
  CHECK(items[0].key == "z");
  CHECK(items[0].values == std::vector<std::string>{"1.50", "-2e3"});
  CHECK(items[1].key == "\xFF");
  CHECK(items[1].values == std::vector<std::string>{"\xF4\x8F\xBF\xBF"});
  CHECK(items[2].key == "a");
}

TEST_CASE("any text survives toml_value and read_toml") {
  for (const std::string text :
       {"", "a", "\"", "\\", "\n\t\r\x01\x7f", "true", "12", "1e5", "007", "-", "\xff\xfe", "'#'"}) {
    CAPTURE(text);
    CHECK(read_toml("key = " + toml_value(text)).at(0).values.at(0) == text);
  }
}

TEST_CASE("a dumped configuration sets the same options again") {
  struct Options {
    std::int64_t layers = 2;
    std::string name;
    std::vector<std::string> stops;
    bool tied = true;
    std::vector<std::string> files;
  };
  const auto declare = [](CLI::App& app, Options& options) {
    add_size(app, "--layers", options.layers, "");
    add_text(app, "-n,--name", options.name, "");
    add_repeated(app, "--stop", options.stops, "");
    app.add_flag("--tied,!--untied", options.tied, "");
    add_files(app, "FILE", options.files, "");
  };
  Options first;
  CLI::App app;
  declare(app, first);
  app.parse(std::vector<std::string>{"y", "x", "--untied", "b", "--stop", "a\n\"", "--stop", "z", "-n"});
  CLI::App again;
  Options second;
  declare(again, second);
  again.config_formatter(std::make_shared<TomlConfig>(again));
  again.set_config("--config");
  again.allow_config_extras(CLI::config_extras_mode::error);
  std::istringstream dumped(write_config(app));
  for (const CLI::ConfigItem& item : TomlConfig(again).from_config(dumped)) {
    for (const std::string& value : item.inputs) {
      CLI::Option* option = again.get_option_no_throw("--" + item.name);
      (option != nullptr ? option : again.get_option(item.name))->add_result(value);
    }
  }
  again.parse(std::vector<std::string>{});
  CHECK(second.layers == 2);
  CHECK(second.name == "z");
  CHECK(second.stops == std::vector<std::string>{"a\n\"", "b"});
  CHECK(second.tied == false);
  CHECK(second.files == std::vector<std::string>{"x", "y"});
}

TEST_CASE("only an option that repeats takes a list") {
  CLI::App app;
  std::int64_t steps = 1;
  std::vector<std::string> stops;
  bool full = false;
  add_size(app, "--steps", steps, "");
  add_repeated(app, "--stop", stops, "");
  app.add_flag("--full", full, "");
  const TomlConfig config(app);
  for (const char* text : {"\nsteps = [1, 2]", "\nsteps = [1]", "\nsteps = []", "\nfull = [true]"}) {
    CAPTURE(text);
    std::istringstream input(text);
    const std::string key = text[1] == 's' ? "steps" : "full";
    CHECK_THROWS_WITH(config.from_config(input),
                      ("cannot use 'configuration', line 2: '" + key + "' takes one value, not a list").c_str());
  }
  std::istringstream input("stop = ['a', 'b']\nsteps = 2");
  CHECK(config.from_config(input).at(0).inputs.size() == 2);
  // Of an option that was given twice the last counts, and is what a dump says.
  app.parse("--steps 3 --steps 4", false);
  CHECK(write_config(app).find("steps = 4\n") == 0);
}
