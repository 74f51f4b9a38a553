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

/// Returns where `path` leads when symbolic links in the place of its last component are followed; nothing need exist there.
/// Throws Error if links lead in a circle.
std::string follow_links(std::string path);

/// Returns the names in a folder, without . and .. ; nothing, with errno, if it cannot be read.
std::optional<std::vector<std::string>> names_in(const std::string& folder);

/// Returns whether a path leads to anything that can be looked at.
bool exists(const std::string& path);

/// Returns whether two results of stat() are of one file.
inline bool same_file(const struct stat& a, const struct stat& b) { return a.st_dev == b.st_dev && a.st_ino == b.st_ino; }

/// Returns ".NAME.", the prefix of the names of temporary files and locks beside NAME. If NAME is too long for that, its
/// beginning and a hash take its place.
std::string companion_prefix(const std::string& name);
/// Returns whether `name` is the prefix, digits and ".tmp": a temporary file or folder of the NAME that the prefix was made
/// of.
bool is_temporary_of(const std::string& prefix, std::string_view name);

}  // namespace lm
