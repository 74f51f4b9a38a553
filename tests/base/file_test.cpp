#include "base/file.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "base/error.h"
#include "support/test_data.h"

namespace lm {

namespace {

namespace fs = std::filesystem;

using test::put;

void write_file(const std::string& path, const std::string& text) {
  auto output = open_output(path);
  output->write(text);
  output->close();
}

std::vector<std::string> names_in(const std::string& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) names.push_back(entry.path().filename().string());
  return names;
}

mode_t mode_of(const std::string& path) {
  struct stat status {};
  REQUIRE(stat(path.c_str(), &status) == 0);
  return status.st_mode & 07777;
}

template <class Body>
std::string failure(Body body) {
  try {
    body();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

// Runs `body` in a child whose standard output is `descriptor`; the exit status is 0 done, 1 Error.
template <class Body>
int status_with_output(int descriptor, Body body) {
  std::fflush(stdout);  // a sanitizer writes what the child still has of it
  const pid_t child = fork();
  if (child == 0) {
    dup2(descriptor, 1);
    int status = 0;
    try {
      body();
    } catch (const Error&) {
      status = 1;
    }
    _exit(status);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return status;
}

}  // namespace

TEST_CASE("nothing of a file is visible before close, and the old content stays until then") {
  const test::TemporaryFolder folder;
  const std::string path = folder.path("a");
  put(path, "old");
  {
    auto output = open_output(path);
    output->write("new");
    output->flush();
    CHECK(test::read_file(path) == "old");
    CHECK(names_in(folder.path("")).size() == 2);
    output->close();
  }
  CHECK(test::read_file(path) == "new");
  CHECK(names_in(folder.path("")) == std::vector<std::string>{"a"});
  { open_output(path)->write("lost"); }
  CHECK(test::read_file(path) == "new");
  CHECK(names_in(folder.path("")) == std::vector<std::string>{"a"});
}

TEST_CASE("what is refused when it is read back never takes the place of the old content") {
  const test::TemporaryFolder folder;
  const std::string path = folder.path("a");
  put(path, "old");
  std::string seen;
  const auto write_new = [&](bool accepted) {
    auto output = open_output(path);
    output->read_back([&](const FileDescriptor& written) {
      seen = FileContent::read(written, kTextLimit).text();
      if (!accepted) throw Error("not this");
    });
    output->write("new");
    output->patch(0, "N", 1);
    output->close();
  };
  CHECK_THROWS_WITH_AS(write_new(false), "not this", Error);
  CHECK(seen == "New");
  CHECK(test::read_file(path) == "old");
  CHECK(names_in(folder.path("")) == std::vector<std::string>{"a"});
  write_new(true);
  CHECK(test::read_file(path) == "New");
}

TEST_CASE("bytes of any amount arrive, and patches overwrite them in place") {
  const test::TemporaryFolder folder;
  std::string text;
  auto output = open_output(folder.path("a"));
  for (int i = 0; i < 3000; ++i) {
    const std::string piece(static_cast<std::size_t>(i * 7 % 1000), static_cast<char>('a' + i % 26));
    output->write(piece);
    text += piece;
  }
  const std::string large(1000000, 'L');
  output->write(large);
  text += large;
  CHECK(output->can_patch());
  output->patch(3, "XYZ", 3);
  text.replace(3, 3, "XYZ");
  output->write("end");
  output->close();
  CHECK((test::read_file(folder.path("a")) == text + "end"));
}

TEST_CASE("a symbolic link is followed, a dangling one too, and stays a link") {
  const test::TemporaryFolder folder;
  fs::create_directory(folder.path("d"));
  put(folder.path("d/real"), "old");
  fs::create_symlink("d/real", folder.path("link"));
  fs::create_symlink("link", folder.path("link2"));
  write_file(folder.path("link2"), "new");
  CHECK(fs::is_symlink(folder.path("link2")));
  CHECK(fs::is_symlink(folder.path("link")));
  CHECK(test::read_file(folder.path("d/real")) == "new");
  fs::create_symlink("d/nothing", folder.path("dangling"));
  write_file(folder.path("dangling"), "x");
  CHECK(test::read_file(folder.path("d/nothing")) == "x");
  fs::create_symlink("loop", folder.path("loop"));
  CHECK_FALSE(failure([&] { write_file(folder.path("loop"), "x"); }).empty());
}

TEST_CASE("permissions of a replaced file stay, those of a new one follow the umask") {
  const test::TemporaryFolder folder;
  put(folder.path("a"), "old");
  REQUIRE(chmod(folder.path("a").c_str(), 0640) == 0);
  const mode_t before = umask(027);
  write_file(folder.path("a"), "new");
  write_file(folder.path("b"), "new");
  umask(before);
  CHECK(mode_of(folder.path("a")) == 0640);
  CHECK(mode_of(folder.path("b")) == 0640);
  REQUIRE(chmod(folder.path("a").c_str(), 0606) == 0);
  write_file(folder.path("a"), "new");
  CHECK(mode_of(folder.path("a")) == 0606);
}

TEST_CASE("temporaries whose lock is free are removed, those of a live writer and other files are not") {
  const test::TemporaryFolder folder;
  put(folder.path(".a.123.tmp"), "stale");
  put(folder.path(".a.124.tmp"), "live");
  put(folder.path(".ab.123.tmp"), "of another name");
  put(folder.path(".a.x1.tmp"), "no pid");
  put(folder.path(".a..tmp"), "no pid");
  const int live = open(folder.path(".a.124.tmp").c_str(), O_RDONLY);
  REQUIRE(flock(live, LOCK_EX) == 0);
  write_file(folder.path("a"), "new");
  CHECK_FALSE(fs::exists(folder.path(".a.123.tmp")));
  CHECK(fs::exists(folder.path(".a.124.tmp")));
  CHECK(fs::exists(folder.path(".ab.123.tmp")));
  CHECK(fs::exists(folder.path(".a.x1.tmp")));
  CHECK(fs::exists(folder.path(".a..tmp")));
  close(live);
}

TEST_CASE("a killed writer leaves the old file and one temporary, which the next one removes") {
  const test::TemporaryFolder folder;
  put(folder.path("a"), "old");
  const pid_t child = fork();
  if (child == 0) {
    auto output = open_output(folder.path("a"));
    output->write("half");
    output->flush();
    kill(getpid(), SIGKILL);
  }
  waitpid(child, nullptr, 0);
  CHECK(test::read_file(folder.path("a")) == "old");
  CHECK(names_in(folder.path("")).size() == 2);
  write_file(folder.path("a"), "new");
  CHECK(names_in(folder.path("")) == std::vector<std::string>{"a"});
}

TEST_CASE("two writers of one file in one process: the second is refused, the first finishes") {
  const test::TemporaryFolder folder;
  auto first = open_output(folder.path("a"));
  CHECK(failure([&] { open_output(folder.path("a")); }).find("being written already") != std::string::npos);
  first->write("1");
  first->close();
  CHECK(test::read_file(folder.path("a")) == "1");
}

TEST_CASE("a name as long as the system allows can be written") {
  const test::TemporaryFolder folder;
  const std::string name(255, 'n');
  write_file(folder.path(name), "x");
  CHECK(names_in(folder.path("")) == std::vector<std::string>{name});
}

TEST_CASE("a full device is an error, at the latest on close") {
  CHECK(failure([] { write_file("/dev/full", "x"); }) == "cannot write '/dev/full': No space left on device");
  CHECK(failure([] { write_file("/dev/full", std::string(1000000, 'x')); }) ==
        "cannot write '/dev/full': No space left on device");
  write_file("/dev/null", "x");
  CHECK(fs::is_character_file("/dev/null"));
  const int full = open("/dev/full", O_WRONLY);
  CHECK(status_with_output(full, [] { write_file("-", "x"); }) == 1 << 8);
  close(full);
}

TEST_CASE("a write beyond the limit of file sizes is an error and the old file stays") {
  const test::TemporaryFolder folder;
  put(folder.path("a"), "old");
  const int null = open("/dev/null", O_WRONLY);
  const int status = status_with_output(null, [&] {
    signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{.rlim_cur = 100000, .rlim_max = 100000};
    setrlimit(RLIMIT_FSIZE, &limit);
    write_file(folder.path("a"), std::string(200000, 'x'));
  });
  close(null);
  CHECK(status == 1 << 8);
  CHECK(test::read_file(folder.path("a")) == "old");
  CHECK(names_in(folder.path("")) == std::vector<std::string>{"a"});
}

TEST_CASE("a folder, a path through nothing and a read-only file are refused") {
  const test::TemporaryFolder folder;
  CHECK_FALSE(failure([&] { open_output(folder.path("")); }).empty());
  fs::create_directory(folder.path("d"));
  CHECK(failure([&] { open_output(folder.path("d")); }).find("Is a directory") != std::string::npos);
  CHECK(failure([&] { open_output(folder.path("no/a")); }).find("No such file") != std::string::npos);
  put(folder.path("a"), "old");
  REQUIRE(chmod(folder.path("a").c_str(), 0444) == 0);
  if (geteuid() != 0) CHECK(failure([&] { open_output(folder.path("a")); }).find("Permission denied") != std::string::npos);
}

TEST_CASE("standard output can be patched only as a regular file from offset 0 without O_APPEND") {
  const test::TemporaryFolder folder;
  const auto can_patch = [](int descriptor) {
    return status_with_output(descriptor, [] {
             auto output = open_output("-");
             output->write("0123456789");
             if (!output->can_patch()) _exit(7);
             output->patch(2, "ab", 2);
             output->close();
           }) == 0;
  };
  const int file = open(folder.path("a").c_str(), O_RDWR | O_CREAT, 0600);
  CHECK(can_patch(file));
  CHECK(test::read_file(folder.path("a")) == "01ab456789");
  CHECK_FALSE(can_patch(file));  // its offset is 10 now
  close(file);
  const int appending = open(folder.path("b").c_str(), O_RDWR | O_CREAT | O_APPEND, 0600);
  CHECK_FALSE(can_patch(appending));
  close(appending);
  int pipe_ends[2];
  REQUIRE(pipe(pipe_ends) == 0);
  CHECK_FALSE(can_patch(pipe_ends[1]));
  close(pipe_ends[0]);
  close(pipe_ends[1]);
}

TEST_CASE("writing into a pipe that nobody reads ends by SIGPIPE, or with an error if that is ignored") {
  for (const bool ignored : {false, true}) {
    int pipe_ends[2];
    REQUIRE(pipe(pipe_ends) == 0);
    close(pipe_ends[0]);
    const int status = status_with_output(pipe_ends[1], [&] {
      signal(SIGPIPE, ignored ? SIG_IGN : SIG_DFL);
      write_file("-", "x");
    });
    close(pipe_ends[1]);
    if (ignored) {
      CHECK(status == 1 << 8);
    } else {
      CHECK(WIFSIGNALED(status));
      CHECK(WTERMSIG(status) == SIGPIPE);
    }
  }
}

TEST_CASE("closed standard streams are errors, and their numbers go to no file of ours") {
  const test::TemporaryFolder folder;
  put(folder.path("a"), "a");
  const int null = open("/dev/null", O_WRONLY);
  const int status = status_with_output(null, [&] {
    close(0);
    close(1);
    bool refused = false;
    try {
      open_input("-");
    } catch (const Error&) {
      refused = true;
    }
    if (!refused) _exit(7);
    const FileDescriptor input = open_input(folder.path("a"));
    if (input.get() <= 2) _exit(8);
    open_output("-");
  });
  close(null);
  CHECK(status == 1 << 8);
}

TEST_CASE("content is the same from a file and from a pipe, may be empty, and is refused if it is larger than allowed") {
  const test::TemporaryFolder folder;
  const std::string text(300000, 'q');
  put(folder.path("a"), text);
  put(folder.path("empty"), "");
  CHECK((FileContent::read(folder.path("a"), FileLimit{}).text() == text));
  CHECK(FileContent::read(folder.path("empty"), FileLimit{}).text().empty());
  CHECK(FileContent::read("/dev/null", FileLimit{}).text().empty());
  CHECK_FALSE(FileContent::read("/proc/self/status", FileLimit{}).text().empty());
  CHECK((FileContent::read(folder.path("a"), FileLimit{300000}).text() == text));
  CHECK(failure([&] { FileContent::read(folder.path("a"), FileLimit{299999}); }).find("larger than 299999 bytes") !=
        std::string::npos);
  CHECK(failure([&] { FileContent::read("/dev/zero", FileLimit{1000000}); }).find("larger than") != std::string::npos);
  CHECK(failure([&] { FileContent::read(folder.path(""), FileLimit{}); }).find("Is a directory") != std::string::npos);
  int pipe_ends[2];
  REQUIRE(pipe(pipe_ends) == 0);
  std::thread writer([&] {
    std::size_t done = 0;
    while (done < text.size())
      done += static_cast<std::size_t>(::write(pipe_ends[1], text.data() + done, text.size() - done));
    close(pipe_ends[1]);
  });
  const FileDescriptor input(pipe_ends[0], "pipe");
  char first[10];
  CHECK(read_some(input, first, 10) == 10);
  CHECK((FileContent::read(input, FileLimit{}).text() == text.substr(10)));
  writer.join();
  const FileDescriptor file = open_input(folder.path("a"));
  CHECK(read_some(file, first, 10) == 10);
  CHECK((FileContent::read(file, FileLimit{}).text() == text.substr(10)));
}

TEST_CASE("an unlinked file has no name and keeps what is written") {
  const test::TemporaryFolder folder;
  const FileDescriptor file = create_unlinked(folder.path(""));
  CHECK(names_in(folder.path("")).empty());
  CHECK(write(file.get(), "abc", 3) == 3);
  CHECK(lseek(file.get(), 0, SEEK_SET) == 0);
  CHECK(FileContent::read(file, FileLimit{}).text() == "abc");
}

}  // namespace lm
