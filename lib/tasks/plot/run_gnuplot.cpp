#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "base/error.h"
#include "base/file.h"
#include "base/printable.h"
#include "tasks/plot/gnuplot.h"

namespace lm {
namespace {

constexpr FileLimit kPictureLimit{.bytes = std::uint64_t{1} << 30U, .kind = "a picture"};

/// A file in memory: a child reads or writes it at its own pace, and nothing of it is left behind, whatever ends us.
FileDescriptor memory_file(const char* name) {
  const int descriptor = above_standard(memfd_create(name, MFD_CLOEXEC));
  if (descriptor < 0) throw_system_error("create a file in memory for", name, errno);
  return {descriptor, name};
}

std::string content_of(const FileDescriptor& file) {
  if (lseek(file.get(), 0, SEEK_SET) < 0) throw_system_error("read", file.name(), errno);
  return std::string(FileContent::read(file, kPictureLimit).text());
}

/// The files that become a child's standard streams.
class FileActions {
 public:
  FileActions() { LM_CHECK(posix_spawn_file_actions_init(&actions_) == 0); }
  ~FileActions() { posix_spawn_file_actions_destroy(&actions_); }
  FileActions(const FileActions&) = delete;
  FileActions& operator=(const FileActions&) = delete;
  void replace(int standard, const FileDescriptor& file) {
    LM_CHECK(posix_spawn_file_actions_adddup2(&actions_, file.get(), standard) == 0);
  }
  const posix_spawn_file_actions_t* get() const { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_{};
};

/// Returns the last line that is not blank.
std::string last_line(std::string_view text) {
  const std::size_t end = text.find_last_not_of(" \t\r\n");
  if (end == std::string_view::npos) return "it gives no reason";
  text = text.substr(0, end + 1);
  return printable(text.substr(text.find_last_of('\n') + 1));
}

int wait_for(pid_t child) {
  int status = 0;
  while (waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) throw_system_error("wait for", "gnuplot", errno);
  }
  return status;
}

}  // namespace

std::string run_gnuplot(const std::string& commands) {
  const FileDescriptor input = memory_file("gnuplot's commands");
  for (std::size_t done = 0; done < commands.size();) {
    const ssize_t count = write(input.get(), commands.data() + done, commands.size() - done);
    if (count < 0 && errno != EINTR) throw_system_error("write", input.name(), errno);
    if (count > 0) done += static_cast<std::size_t>(count);
  }
  if (lseek(input.get(), 0, SEEK_SET) < 0) throw_system_error("write", input.name(), errno);
  const FileDescriptor output = memory_file("gnuplot's picture");
  const FileDescriptor errors = memory_file("gnuplot's errors");
  FileActions actions;
  actions.replace(STDIN_FILENO, input);
  actions.replace(STDOUT_FILENO, output);
  actions.replace(STDERR_FILENO, errors);
  std::array<std::string, 3> words = {"gnuplot", "--default-settings", "-"};
  const std::array<char*, 4> arguments = {words[0].data(), words[1].data(), words[2].data(), nullptr};
  pid_t child = 0;
  const int error = posix_spawnp(&child, words[0].c_str(), actions.get(), nullptr, arguments.data(), environ);
  if (error != 0)
    throw Error(std::string("cannot run 'gnuplot', which draws the picture: ") + std::strerror(error) +
                (error == ENOENT ? "; install it (Debian's package gnuplot-nox), or use --text" : ""));
  const int status = wait_for(child);
  std::string picture = content_of(output);
  if (status != 0 || picture.empty()) throw Error("gnuplot cannot draw the picture: " + last_line(content_of(errors)));
  return picture;
}

}  // namespace lm
