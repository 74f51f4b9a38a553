// Paths as text, and which file a path leads to.
#pragma once

#include <sys/stat.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lm {

/// Returns the folder that holds `path`: "." if it has no slash.
std::string folder_of(const std::string& path);
/// Returns what follows the last slash.
std::string name_of(const std::string& path);
std::string join_path(const std::string& folder, const std::string& name);
std::string without_trailing_slashes(std::string path);

/// Returns what messages call the input that a path names: "standard input" for "-".
std::string input_name(const std::string& path);

/// Returns the path that `path` stands for once its last component is no link any more; it need not exist. Throws Error
/// if links lead in a circle.
std::string follow_links(std::string path);

/// Returns the names in a folder, without . and .. ; nothing, with errno, if it cannot be read.
std::optional<std::vector<std::string>> names_in(const std::string& folder);

/// Returns whether two results of stat() are of one file.
inline bool same_file(const struct stat& a, const struct stat& b) { return a.st_dev == b.st_dev && a.st_ino == b.st_ino; }

/// Returns ".NAME.", with which the names of files that a run puts next to NAME begin; of a name so long that none would
/// fit, the beginning and a hash.
std::string companion_prefix(const std::string& name);
/// Returns whether `name` is the prefix, digits and ".tmp": a temporary file or folder of the NAME that the prefix was made
/// of.
bool is_temporary_of(const std::string& prefix, std::string_view name);

}  // namespace lm
