#include "support/test_data.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <stdexcept>

namespace lm::test {

std::string golden_path(const std::string& name) { return std::string(LM_TEST_SOURCE_DIR) + "/golden/" + name; }

std::optional<std::string> data_path(const std::string& name) {
  const char* folder = std::getenv("LM_TEST_DATA");
  const std::string path =
      (folder != nullptr ? std::string(folder) : std::string(LM_TEST_SOURCE_DIR) + "/../../shared/data") + "/" + name;
  if (std::filesystem::exists(path)) return path;
  std::cout << "SKIPPED: no '" << name << "' in $LM_TEST_DATA or ../shared/data\n";
  return std::nullopt;
}

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("cannot open " + path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

void put(const std::string& path, std::string_view bytes) { std::ofstream(path, std::ios::binary) << bytes; }

TemporaryFolder::TemporaryFolder() {
  std::string name = (std::filesystem::temp_directory_path() / "lm-test-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot make " + name);
  folder_ = name;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

}  // namespace lm::test
