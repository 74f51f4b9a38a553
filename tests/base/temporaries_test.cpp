#include "base/temporaries.h"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "base/file.h"

namespace fs = std::filesystem;
using lm::TemporaryName;

namespace {

struct Folder {
  Folder() {
    std::string name = (fs::temp_directory_path() / "lm-temporaries.XXXXXX").string();
    REQUIRE(mkdtemp(name.data()) != nullptr);
    path = name;
  }
  ~Folder() { fs::remove_all(path); }
  std::string make(const std::string& name) const {
    const fs::path file = path / name;
    std::ofstream(file) << "x";
    return file.string();
  }
  fs::path path;
};

}  // namespace

TEST_CASE("registered files and folders are removed, the others stay") {
  const Folder folder;
  const std::string kept = folder.make("kept");
  const std::string renamed = folder.make("renamed");
  { const TemporaryName name(renamed); }
  const std::string inner = (folder.path / "inner").string();
  fs::create_directory(inner);
  const TemporaryName a(inner, TemporaryName::Kind::folder);
  const TemporaryName b(folder.make("inner/b"));
  TemporaryName c(folder.make("c"));
  const TemporaryName moved(std::move(c));
  lm::remove_temporaries();
  CHECK(fs::exists(kept));
  CHECK(fs::exists(renamed));
  CHECK_FALSE(fs::exists(inner));
  CHECK_FALSE(fs::exists(folder.path / "c"));
}

TEST_CASE("what finds no room is not registered, and does no harm") {
  const Folder folder;
  std::vector<TemporaryName> names;
  for (int i = 0; i < 100; ++i) names.emplace_back(folder.make(std::to_string(i)));
  const TemporaryName too_long(std::string(100000, 'x'));
  lm::remove_temporaries();
  CHECK_FALSE(fs::exists(folder.path / "0"));
  CHECK(fs::exists(folder.path / "99"));
}

TEST_CASE("an output is registered while it is written") {
  const Folder folder;
  const std::string path = (folder.path / "out").string();
  {
    const auto output = lm::open_output(path);
    output->write("text");
    output->close();
  }
  lm::remove_temporaries();
  CHECK(fs::exists(path));
  const auto output = lm::open_output(path);
  CHECK(std::distance(fs::directory_iterator(folder.path), {}) == 2);
  lm::remove_temporaries();
  CHECK(std::distance(fs::directory_iterator(folder.path), {}) == 1);
}
