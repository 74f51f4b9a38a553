#include "base/path.h"

#include <dirent.h>
#include <unistd.h>

#include <cerrno>

#include "base/error.h"
#include "base/hash.h"

namespace lm {

std::string folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

std::string name_of(const std::string& path) { return path.substr(path.rfind('/') + 1); }

std::string join_path(const std::string& folder, const std::string& name) {
  return folder.ends_with('/') ? folder + name : folder + "/" + name;
}

std::string without_trailing_slashes(std::string path) {
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  return path;
}

std::string input_name(const std::string& path) { return path == "-" ? "standard input" : path; }

std::string follow_links(std::string path) {
  const std::string original = path;
  for (int links = 0; links < 40; ++links) {
    std::vector<char> target(4096);
    const ssize_t size = ::readlink(path.c_str(), target.data(), target.size());
    if (size < 0) return path;
    const std::string link(target.data(), static_cast<std::size_t>(size));
    path = link.starts_with('/') ? link : join_path(folder_of(path), link);
  }
  throw_system_error("write", original, ELOOP);
}

std::optional<std::vector<std::string>> names_in(const std::string& folder) {
  std::vector<std::string> names;
  DIR* stream = ::opendir(folder.c_str());
  if (stream == nullptr) return std::nullopt;
  while (const dirent* entry = ::readdir(stream)) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(name);
  }
  ::closedir(stream);
  return names;
}

bool exists(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0;
}

std::string companion_prefix(const std::string& name) {
  constexpr std::size_t kLongest = 220;
  if (name.size() <= kLongest) return "." + name + ".";
  Hasher hasher;
  hasher.update(name.data(), name.size());
  return "." + name.substr(0, kLongest - 33) + "-" + to_hex(hasher.digest128()) + ".";
}

bool is_temporary_of(const std::string& prefix, std::string_view name) {
  if (!name.starts_with(prefix) || !name.ends_with(".tmp") || name.size() <= prefix.size() + 4) return false;
  const std::string_view digits = name.substr(prefix.size(), name.size() - prefix.size() - 4);
  return digits.find_first_not_of("0123456789") == std::string_view::npos;
}

}  // namespace lm
