#include "model/files/folder_replacing.h"

#include <sys/stat.h>

#include <cerrno>
#include <optional>
#include <set>
#include <vector>

#include "base/error.h"
#include "base/file_kind.h"
#include "base/path.h"
#include "model/files/config_hugging_face.h"
#include "model/files/folder_files.h"
#include "model/files/safetensors.h"

namespace lm {

namespace {

constexpr const char* kWeights = "model.safetensors";

/// Returns the file that a name is of, whole or, before a kill, in part: "config.json" of ".config.json.123.tmp".
std::string file_of(const std::string& name) {
  if (!name.starts_with(".")) return name;
  for (std::size_t dot = name.find('.', 1); dot != std::string::npos; dot = name.find('.', dot + 1)) {
    const std::string file = name.substr(1, dot - 1);
    if (is_folder_file(file) && is_temporary_of(companion_prefix(file), name)) return file;
  }
  return name;
}

/// Returns the names of the files that the folder's model was written with, by its own metadata; none if it is not ours.
std::set<std::string> written_files(const std::string& folder) {
  const std::string path = join_path(folder, kWeights);
  if (kind_of_path(path) != FileKind::model) return {};
  try {
    const SafetensorsMetadata metadata = read_safetensors_metadata(path);
    if (!metadata.contains("lm.version")) return {};
    const auto texts = metadata.find("lm.folder");
    std::set<std::string> names = {kWeights, "config.json", "tokenizer.json", "tokenizer_config.json",
                                   std::string(kOwnModule) + ".py"};
    if (texts == metadata.end()) {
      names.insert("generation_config.json");
    } else {
      for (const auto& [name, text] : folder_texts_from_json(texts->second, path)) names.insert(name);
    }
    return names;
  } catch (const Error&) {
    return {};  // damaged, so that what it came with is not known
  }
}

bool is_plain_file(const std::string& path) {
  struct stat status {};
  return lstat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode);
}

}  // namespace

bool is_of_folder(const std::string& name) { return is_folder_file(file_of(name)); }

void check_replaceable(const std::string& folder) {
  const std::optional<std::vector<std::string>> names = names_in(folder);
  if (!names) throw_system_error("open folder", folder, errno);
  if (names->empty()) return;
  const std::set<std::string> written = written_files(folder);
  for (const std::string& name : *names) {
    const bool is_temporary = file_of(name) != name;  // of a run that was killed
    if ((is_temporary || written.contains(name)) && is_plain_file(join_path(folder, name))) continue;
    throw Error("cannot replace the folder '" + folder + "': it holds '" + name +
                "', which is not part of a model that was written here; name a new or empty folder, or move that away");
  }
}

}  // namespace lm
