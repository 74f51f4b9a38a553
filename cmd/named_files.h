// The files that a run names, so that none is destroyed because it was named twice.
//
// A program declares what it reads and what it writes, under the names that its user gave, and calls check() before it opens
// anything. Files are distinguished by what they are (device and inode; one that does not exist yet by its folder and name),
// so links, ./x and other spellings do not matter. Only regular files and folders can clash: /dev/null, pipes and terminals
// may be named as often as one likes. Comparing in open_output() instead would come after inputs were read and outputs
// begun, and could not name the options.
#pragma once

#include <sys/stat.h>

#include <string>
#include <vector>

#include "program.h"

namespace lm::cmd {

class NamedFiles {
 public:
  /// Begins with --config's file, which every program may read.
  explicit NamedFiles(const CommonOptions& common);

  /// Declares an input: a file, a folder, or "-" for standard input; nothing if the path is empty. With the first part of a GGUF
  /// model its other parts are inputs. `option` is what the
  /// user knows it by: "-t", or "FILE" for an argument. An input that is read whole before `replaced_by` is written may be
  /// the same file, or be inside the folder that this writes.
  void reads(const std::string& option, const std::string& path, const std::string& replaced_by = "");
  /// Declares inputs that are files or "-".
  void reads(const std::string& option, const std::vector<std::string>& paths);
  /// Declares a folder as an input with all that is below it: no output may be there.
  void reads_tree(const std::string& option, const std::string& folder);
  /// Declares an output: a file, or "-" for standard output; nothing if the path is empty.
  void writes(const std::string& option, const std::string& path);
  /// Declares a model as an output: a file, "-", or a folder that is replaced as a whole.
  void writes_model(const std::string& option, const std::string& path);

  /// Throws UsageError, naming both options, if an output is an input or another output, if one is inside the folder that
  /// the other is, or if standard input or another pipe is named twice.
  void check() const;

 private:
  enum class Kind { file, folder, missing, other };  // other: what cannot clash
  struct File {
    std::string option, path;
    std::string replaced_by = {};  // of an input: the output that may take its place
    Kind kind = Kind::other;
    bool is_tree = false;                   // of an input that is a folder: what is in its folders is in it
    struct stat status = {};                // of a file or folder
    std::vector<struct stat> folders = {};  // that hold it: by its own name, and at the end of links
    std::string name = {};                  // in the last of them
  };
  static File find(const std::string& option, const std::string& path, int standard);
  static bool same(const File& a, const File& b);
  static bool inside(const File& file, const File& folder);
  static bool below(const File& file, const File& tree);
  static void check_same(const File& output, const File& other);
  static void check_inside(const File& file, const File& folder, const char* use);
  friend bool same_or_inside(const std::string& a, const std::string& b);

  std::vector<File> inputs_, outputs_;
};

/// Returns whether both paths lead to one file or folder, or one to a file inside the folder that the other is.
bool same_or_inside(const std::string& a, const std::string& b);

}  // namespace lm::cmd
