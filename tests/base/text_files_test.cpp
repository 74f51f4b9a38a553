#include "base/text_files.h"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "base/error.h"
#include "support/refusal.h"
#include "support/test_data.h"

namespace lm {

namespace {

using Paths = std::vector<std::string>;

/// A folder with texts, a picture, hidden files and links in a circle.
struct Tree {
  test::TemporaryFolder folder;
  Tree() {
    for (const char* name : {"top", "top/a", "top/.git", "top/a/empty"}) ::mkdir(folder.path(name).c_str(), 0777);
    for (const char* name : {"top/b", "top/a/c", "top/a-b", "top/.d", "top/.git/e"}) test::put(folder.path(name), "text\n");
    test::put(folder.path("top/a/picture"), std::string_view("\x89PNG\r\n\x1a\n\0\0", 10));
    test::put(folder.path("top/a/noise"), std::string_view("\x01\0\x02", 3));
    CHECK(::symlink("..", folder.path("top/a/up").c_str()) == 0);
    CHECK(::symlink("nowhere", folder.path("top/dangling").c_str()) == 0);
    CHECK(::symlink("../b", folder.path("top/a/b").c_str()) == 0);
  }
  Paths paths(const Paths& names) const {
    Paths paths;
    for (const std::string& name : names) paths.push_back(folder.path(name));
    return paths;
  }
};

}  // namespace

TEST_CASE("a folder stands for the texts below it, in the order of their paths") {
  const Tree tree;
  const std::string top = tree.folder.path("top");
  const TextFiles found = find_text_files(FileUse::text, {"-", top, top + "/b"}, Accept::text);
  Paths expected = tree.paths({"top/a-b", "top/a/b", "top/a/c", "top/b", "top/b"});
  expected.insert(expected.begin(), "-");
  CHECK(found.paths == expected);
  CHECK(found.left_out == 2);
  CHECK(found.first_left_out == tree.folder.path("top/a/noise"));
}

TEST_CASE("any bytes are taken if any are accepted") {
  const Tree tree;
  const TextFiles found = find_text_files(FileUse::text, {tree.folder.path("top")}, Accept::anything);
  CHECK(found.paths == tree.paths({"top/a-b", "top/a/b", "top/a/c", "top/a/noise", "top/a/picture", "top/b"}));
  CHECK(found.left_out == 0);
}

TEST_CASE("a folder without a text is refused, and one of a model is left to others") {
  const Tree tree;
  const std::string empty = tree.folder.path("top/a/empty");
  CHECK(
      test::contains(test::refusal([&] { find_text_files(FileUse::text, {empty}, Accept::text); }), "there is no text in"));
  test::put(empty + "/tokenizer.json", "{}");
  CHECK(find_text_files(FileUse::text, {empty}, Accept::text).paths == Paths{empty});
}

TEST_CASE("a list has a name on each line, or before each NUL byte") {
  const test::TemporaryFolder folder;
  const std::string list = folder.path("list");
  const auto read = [&](std::string_view content) {
    test::put(list, content);
    return read_file_list(list);
  };
  using namespace std::string_view_literals;
  CHECK(read("a\n\nb c\r\n-"sv) == Paths{"a", "b c\r", "-"});
  CHECK(read("a\nb\0\0c"sv) == Paths{"a\nb", "c"});
  CHECK(test::contains(test::refusal([&] { read("\n\n"); }), "names no file"));
  CHECK(test::contains(test::refusal([&] { read(""); }), "names no file"));
}

}  // namespace lm
