// Where tests find their data: golden files beside the tests, and the larger corpora that may be absent.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace lm::test {

/// Returns tests/golden/<name>, which is always there.
std::string golden_path(const std::string& name);
/// Returns $LM_TEST_DATA/<name>, else ../shared/data/<name>; empty, with a message, if it is absent: the test then returns.
std::optional<std::string> data_path(const std::string& name);
/// Returns the whole file as bytes; throws std::runtime_error.
std::string read_file(const std::string& path);
/// Writes a whole file, over what is there.
void put(const std::string& path, std::string_view bytes);
/// A fresh folder under $TMPDIR, removed with everything in it at the end.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  std::string path(const std::string& name) const { return folder_ + "/" + name; }

 private:
  std::string folder_;
};

}  // namespace lm::test
