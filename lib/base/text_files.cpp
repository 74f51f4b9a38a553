#include "base/text_files.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "base/path.h"

namespace lm {

namespace {

/// Returns the regular files below a folder, links to them among these, in the order of their paths.
std::vector<std::string> files_below(const std::string& top) {
  std::vector<std::string> files, folders = {top};
  while (!folders.empty()) {
    const std::string folder = std::exchange(folders.back(), {});
    folders.pop_back();
    const std::optional<std::vector<std::string>> names = names_in(folder);
    if (!names) throw_system_error("read", folder, errno);
    for (const std::string& name : *names) {
      if (name.starts_with('.')) continue;
      const std::string path = join_path(folder, name);
      struct stat itself {
      }, target{};
      if (::lstat(path.c_str(), &itself) != 0 || ::stat(path.c_str(), &target) != 0) continue;
      if (S_ISDIR(itself.st_mode)) folders.push_back(path);
      if (S_ISREG(target.st_mode)) files.push_back(path);
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

void add_folder(TextFiles& found, FileUse use, const std::string& folder, Accept accept) {
  std::size_t texts = 0;
  std::vector<std::string> others;
  for (std::string& path : files_below(folder)) {
    const bool text = accept == Accept::anything || looks_like_text(use, path);
    texts += text ? 1 : 0;
    (text ? found.paths : others).push_back(std::move(path));
  }
  if (texts == 0) {
    throw Error("cannot use '" + folder + "' as text: there is no text in the folder" +
                (others.empty()
                     ? std::string("; hidden files are not read unless they are named")
                     : ", only " + std::to_string(others.size()) + (others.size() == 1 ? " file" : " files") +
                           " of another kind, such as '" + others.front() + "'; --binary takes their bytes as they are"));
  }
  if (found.left_out == 0 && !others.empty()) found.first_left_out = others.front();
  found.left_out += std::ssize(others);
}

}  // namespace

TextFiles find_text_files(FileUse use, const std::vector<std::string>& paths, Accept accept) {
  TextFiles found;
  for (const std::string& path : paths) {
    if (path != "-" && kind_of_path(path) == FileKind::folder) {
      add_folder(found, use, path, accept);
    } else {
      found.paths.push_back(path);
    }
  }
  return found;
}

std::vector<std::string> read_file_list(const std::string& path) {
  const std::string list = read_whole_text(path, Accept::text);
  const char delimiter = list.find('\0') == std::string::npos ? '\n' : '\0';
  std::vector<std::string> names;
  for (std::string_view rest = list; !rest.empty();) {
    const std::string_view name = rest.substr(0, rest.find(delimiter));
    if (!name.empty()) names.emplace_back(name);
    rest.remove_prefix(std::min(name.size() + 1, rest.size()));
  }
  if (names.empty())
    throw Error("the list '" + input_name(path) + "' names no file; it has a name on each line, or before each NUL byte");
  return names;
}

}  // namespace lm
