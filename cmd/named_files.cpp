#include "named_files.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/path.h"
#include "model/files/gguf_parts.h"

namespace lm::cmd {

namespace {

constexpr const char* kOtherPlace = "; name another place to write to";

bool is_standard(const std::string& path) { return path == "-"; }

/// Returns whether a path is a folder. If it should be a file, whoever opens it says what is wrong.
bool is_folder(const std::string& path) {
  struct stat status {};
  return stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

}  // namespace

/// Finds out what a path is; `standard` is the descriptor that "-" means.
NamedFiles::File NamedFiles::find(const std::string& option, const std::string& path, int standard) {
  File file{.option = option, .path = path};
  if (is_standard(path)) {
    if (fstat(standard, &file.status) == 0 && S_ISREG(file.status.st_mode)) file.kind = Kind::file;
    return file;
  }
  const std::string plain = without_trailing_slashes(path);
  if (stat(path.c_str(), &file.status) == 0) {
    if (S_ISREG(file.status.st_mode)) file.kind = Kind::file;
    if (S_ISDIR(file.status.st_mode)) file.kind = Kind::folder;
  } else if (errno == ENOENT) {
    file.kind = Kind::missing;
  }
  if (file.kind == Kind::other) return file;
  const std::string target = follow_links(plain);
  for (const std::string& name : {plain, target}) {
    struct stat folder {};
    if (stat(folder_of(name).c_str(), &folder) == 0) file.folders.push_back(folder);
  }
  file.name = name_of(target);
  return file;
}

bool NamedFiles::same(const File& a, const File& b) {
  if (a.kind != b.kind || a.kind == Kind::other) return false;
  if (a.kind != Kind::missing) return same_file(a.status, b.status);
  return !a.folders.empty() && !b.folders.empty() && same_file(a.folders.back(), b.folders.back()) && a.name == b.name;
}

/// Returns whether a file is, or would be, in the folder, or is what a link in it leads to.
bool NamedFiles::inside(const File& file, const File& folder) {
  if (folder.kind != Kind::folder || is_standard(file.path) || file.path.ends_with('/')) return false;
  if (file.kind != Kind::file && file.kind != Kind::missing) return false;
  if (folder.is_tree) return below(file, folder);
  const auto is_it = [&](const struct stat& status) { return same_file(status, folder.status); };
  if (std::any_of(file.folders.begin(), file.folders.end(), is_it)) return true;
  if (file.kind == Kind::missing) return false;
  const std::vector<std::string> names = names_in(folder.path).value_or(std::vector<std::string>());
  return std::any_of(names.begin(), names.end(), [&](const std::string& name) {
    struct stat status {};
    return stat(join_path(folder.path, name).c_str(), &status) == 0 && same_file(status, file.status);
  });
}

/// Returns whether a folder above the file, or above what it leads to, is the tree's.
bool NamedFiles::below(const File& file, const File& tree) {
  const std::string plain = without_trailing_slashes(file.path);
  for (std::string folder : {folder_of(plain), folder_of(follow_links(plain))}) {
    struct stat status {
    }, parent{};
    while (stat(folder.c_str(), &status) == 0) {
      if (same_file(status, tree.status)) return true;
      folder += "/..";
      if (stat(folder.c_str(), &parent) != 0 || same_file(status, parent)) break;  // the root is its own parent
    }
  }
  return false;
}

void NamedFiles::check_same(const File& output, const File& other) {
  if (!same(output, other)) return;
  const std::string kind = output.kind == Kind::folder ? "folder" : "file";
  if (output.path == other.path && !is_standard(output.path)) {
    throw UsageError(output.option + " and " + other.option + " name the same " + kind + " '" + output.path + "'" +
                     kOtherPlace);
  }
  const auto name = [](const File& file, const char* standard) {
    return is_standard(file.path) ? standard : file.option + " '" + file.path + "'";
  };
  throw UsageError(name(output, "standard output") + " and " + name(other, "standard input") + " are the same " + kind +
                   kOtherPlace);
}

void NamedFiles::check_inside(const File& file, const File& folder, const char* use) {
  if (!inside(file, folder)) return;
  throw UsageError(file.option + " '" + file.path + "' is in the folder '" + folder.path + "' that " + folder.option + " " +
                   use + kOtherPlace);
}

NamedFiles::NamedFiles(const CommonOptions& common) { reads("--config", common.config); }

void NamedFiles::reads(const std::string& option, const std::string& path, const std::string& replaced_by) {
  if (path.empty()) return;
  std::vector<std::string> paths = gguf_part_names(path);
  if (paths.empty()) paths = {path};
  for (const std::string& part : paths) {
    inputs_.push_back(find(option, part, STDIN_FILENO));
    inputs_.back().replaced_by = replaced_by;
  }
}

void NamedFiles::reads(const std::string& option, const std::vector<std::string>& paths) {
  for (const std::string& path : paths) {
    if (!is_folder(path)) reads(option, path);
  }
}

void NamedFiles::reads_tree(const std::string& option, const std::string& folder) {
  inputs_.push_back(find(option, folder, STDIN_FILENO));
  inputs_.back().is_tree = true;
}

void NamedFiles::writes(const std::string& option, const std::string& path) {
  if (!is_folder(path)) writes_model(option, path);
}

void NamedFiles::writes_model(const std::string& option, const std::string& path) {
  if (!path.empty()) outputs_.push_back(find(option, path == "/dev/stdout" ? "-" : path, STDOUT_FILENO));
}

void NamedFiles::check() const {
  const File* standard = nullptr;
  for (const File& input : inputs_) {
    if (!is_standard(input.path)) continue;
    if (standard != nullptr) {
      throw UsageError("standard input is named twice" + (standard->option == input.option
                                                              ? std::string()
                                                              : ", by " + standard->option + " and " + input.option));
    }
    standard = &input;
  }
  for (auto input = inputs_.begin(); input != inputs_.end(); ++input) {
    if (!S_ISFIFO(input->status.st_mode)) continue;
    const auto is_it = [&](const File& other) { return same_file(input->status, other.status); };
    const auto other = std::find_if(input + 1, inputs_.end(), is_it);
    if (other == inputs_.end()) continue;
    const std::string names = input->option + (other->option == input->option ? "" : " and " + other->option);
    throw UsageError("the pipe '" + (is_standard(other->path) ? input->path : other->path) + "' is named twice, by " +
                     names + "; it can be read once");
  }
  for (auto output = outputs_.begin(); output != outputs_.end(); ++output) {
    for (auto other = output + 1; other != outputs_.end(); ++other) {
      if (is_standard(output->path) && is_standard(other->path))
        throw UsageError("standard output is named twice, by " + output->option + " and " + other->option);
      check_same(*output, *other);
      check_inside(*output, *other, "replaces");
      check_inside(*other, *output, "replaces");
    }
    for (const File& input : inputs_) {
      check_inside(*output, input, "reads");
      if (input.replaced_by == output->option) continue;
      check_same(*output, input);
      check_inside(input, *output, "replaces");
    }
  }
}

bool same_or_inside(const std::string& a, const std::string& b) {
  if (a.empty() || b.empty()) return false;
  const NamedFiles::File first = NamedFiles::find("", a, STDIN_FILENO);
  const NamedFiles::File second = NamedFiles::find("", b, STDIN_FILENO);
  return NamedFiles::same(first, second) || NamedFiles::inside(first, second) || NamedFiles::inside(second, first);
}

}  // namespace lm::cmd
