#include "base/shell_word.h"

#include <doctest/doctest.h>

TEST_CASE("a name in a command is one word of the shell and no option") {
  using lm::shell_word;
  CHECK(shell_word("a/b-c_1.txt") == "a/b-c_1.txt");
  CHECK(shell_word("\xC3\xA9.txt") == "\xC3\xA9.txt");
  CHECK(shell_word("a b") == "'a b'");
  CHECK(shell_word("it's") == R"('it'\''s')");
  CHECK(shell_word("-x") == "./-x");
  CHECK(shell_word("~/*") == "'~/*'");
  CHECK(shell_word("") == "''");
}
