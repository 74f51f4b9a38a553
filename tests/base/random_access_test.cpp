#include "base/random_access.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <fstream>
#include <string>

#include "support/refusal.h"
#include "support/test_data.h"

using namespace lm;

namespace {

using test::put;

RandomAccessFile open_unchecked(const std::string& path) {
  return RandomAccessFile::open(path, [](std::string_view) {});
}

std::string read_back(const RandomAccessFile& file, std::uint64_t offset, std::size_t size) {
  std::string bytes(size, '\0');
  file.read(offset, bytes.data(), size);
  return bytes;
}

}  // namespace

TEST_CASE("any bytes are read, of a file, of one that was read from, and of what is no regular file") {
  const test::TemporaryFolder folder;
  put(folder.path("a"), "0123456789");
  const RandomAccessFile file = open_unchecked(folder.path("a"));
  CHECK(file.size() == 10);
  CHECK(read_back(file, 7, 3) == "789");
  CHECK(read_back(file, 0, 10) == "0123456789");
  CHECK(read_back(file, 10, 0).empty());
  FileDescriptor input = open_input(folder.path("a"));
  char first[4];
  CHECK(read_some(input, first, 4) == 4);
  const RandomAccessFile rest(std::move(input), "rest");
  CHECK(rest.size() == 6);
  CHECK(read_back(rest, 1, 2) == "56");
  put(folder.path("empty"), "");
  CHECK(open_unchecked(folder.path("empty")).size() == 0);
  const RandomAccessFile status = open_unchecked("/proc/self/status");
  CHECK(read_back(status, 0, 5) == "Name:");
}

TEST_CASE("a file that became shorter is an error that names it and the place") {
  const test::TemporaryFolder folder;
  put(folder.path("a"), std::string(10000, 'x'));
  const RandomAccessFile file = open_unchecked(folder.path("a"));
  REQUIRE(truncate(folder.path("a").c_str(), 100) == 0);
  CHECK(read_back(file, 0, 100) == std::string(100, 'x'));
  const std::string why = test::refusal([&] { read_back(file, 50, 100); });
  CHECK(why.find(folder.path("a")) != std::string::npos);
  CHECK(why.find("became shorter while it was being read: it ends before byte 100 of 10000") != std::string::npos);
}
