// Writing models: a file by the atomic writer, a folder whole under a temporary name and then exchanged.
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>

#include "base/error.h"
#include "base/file.h"
#include "model/checkpoint.h"

namespace lm {

namespace {

constexpr std::array<const char*, 4> kFolderFiles = {"config.json", "model.safetensors", "tokenizer.json",
                                                     "tokenizer_config.json"};

void write_weights(const std::string& path, const ModelRecord& record, const Parameters<float>& parameters) {
  std::vector<TensorSource> sources;
  add_sources(sources, parameters);
  const std::unique_ptr<OutputStream> output = open_output(path);
  write_safetensors(*output, model_metadata(record), sources);
  output->close();
}

void write_text(const std::string& path, const std::string& text) {
  const std::unique_ptr<OutputStream> output = open_output(path);
  output->write(text);
  output->close();
}

/// Names in a folder, without . and ..
std::vector<std::string> list_folder(const std::string& folder) {
  std::vector<std::string> names;
  DIR* handle = opendir(folder.c_str());
  if (handle == nullptr) throw_system_error("open folder", folder, errno);
  while (const dirent* entry = readdir(handle)) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(name);
  }
  closedir(handle);
  return names;
}

/// What would be exchanged away must be ours: a folder with anything else in it is not replaced.
void check_replaceable(const std::string& folder) {
  for (const std::string& name : list_folder(folder)) {
    const bool ours = std::find(kFolderFiles.begin(), kFolderFiles.end(), name) != kFolderFiles.end();
    if (!ours)
      throw Error("folder '" + folder + "' holds '" + name + "', which is no part of a model; name a new or empty folder");
  }
}

void remove_folder(const std::string& folder) {
  for (const char* name : kFolderFiles) unlink((folder + "/" + name).c_str());
  rmdir(folder.c_str());
}

std::string without_trailing_slashes(std::string path) {
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  return path;
}

std::string temporary_folder(const std::string& folder) {
  const std::size_t slash = folder.rfind('/');
  const std::string parent = slash == std::string::npos ? "" : folder.substr(0, slash + 1);
  const std::string name = slash == std::string::npos ? folder : folder.substr(slash + 1);
  return parent + "." + name + "." + std::to_string(getpid()) + ".tmp";
}

void write_folder_files(const std::string& folder, const ModelRecord& record, const Parameters<float>& parameters) {
  JsonValue tokenizer_config;
  tokenizer_config.set("tokenizer_class", "PreTrainedTokenizerFast").set("add_prefix_space", false);
  tokenizer_config.set("clean_up_tokenization_spaces", false).set("model_max_length", record.config.context_length);
  if (!record.end_of_text_name.empty()) {
    tokenizer_config.set("bos_token", record.end_of_text_name).set("eos_token", record.end_of_text_name);
  }
  JsonValue config = config_to_hugging_face(record.config, record.end_of_text);
  config.set("lm_objective", record.objective);  // other than causal and fim: seen both ways, as the causal class does not
  write_text(folder + "/config.json", config.dump(2) + "\n");
  write_text(folder + "/tokenizer.json", record.tokenizer_json);
  write_text(folder + "/tokenizer_config.json", tokenizer_config.dump(2) + "\n");
  // Last: it carries everything that we read ourselves.
  write_weights(folder + "/model.safetensors", record, parameters);
}

/// The folder that a path means, of a link what it leads to.
std::string folder_meant(const std::string& path) {
  std::error_code error;
  const std::string folder = without_trailing_slashes(path);
  const std::filesystem::path real = std::filesystem::canonical(folder, error);
  if (!error) return real.string();
  if (std::filesystem::is_symlink(folder, error)) {
    throw Error("cannot write folder '" + path + "': it is a link that leads nowhere; make the folder or remove the link");
  }
  return folder;
}

/// Puts `temporary` in the place of `folder`; false where the file system cannot exchange two names.
bool exchange(const std::string& temporary, const std::string& folder) {
  if (access(folder.c_str(), F_OK) != 0) {
    if (rename(temporary.c_str(), folder.c_str()) != 0) throw_system_error("create folder", folder, errno);
    return true;
  }
  if (renameat2(AT_FDCWD, temporary.c_str(), AT_FDCWD, folder.c_str(), RENAME_EXCHANGE) == 0) return true;
  if (errno != EINVAL && errno != ENOSYS) throw_system_error("replace folder", folder, errno);
  return false;
}

void save_folder(const std::string& path, const ModelRecord& record, const Parameters<float>& parameters) {
  const std::string folder = folder_meant(path);
  struct stat status {};
  if (stat(folder.c_str(), &status) == 0) check_replaceable(folder);
  const std::string temporary = temporary_folder(folder);
  remove_folder(temporary);
  if (mkdir(temporary.c_str(), 0777) != 0) throw_system_error("create folder", temporary, errno);
  try {
    write_folder_files(temporary, record, parameters);
    if (exchange(temporary, folder)) {
      sync_folder_of(folder);
    } else {
      // Readers believe model.safetensors over the other files, so it is replaced last.
      write_folder_files(folder, record, parameters);
    }
  } catch (...) {
    remove_folder(temporary);
    throw;
  }
  remove_folder(temporary);
}

}  // namespace

void check_model_destination(const std::string& path) {
  if (path == "-") return;
  if (!is_model_folder(path)) return check_output(path);
  const std::string name = folder_meant(path);
  const std::size_t slash = name.rfind('/');
  const std::string parent = slash == std::string::npos ? "." : name.substr(0, slash + 1);
  if (access(parent.c_str(), W_OK | X_OK) != 0) throw_system_error("write into folder", parent, errno);
  struct stat status {};
  if (stat(name.c_str(), &status) != 0) return;
  if (!S_ISDIR(status.st_mode)) throw Error("cannot write folder '" + path + "': a file has that name");
  check_replaceable(name);
}

void save_model(const std::string& path, const ModelRecord& record, const Parameters<float>& parameters) {
  if (path != "-" && is_model_folder(path)) {
    save_folder(path, record, parameters);
  } else {
    write_weights(path, record, parameters);
  }
}

}  // namespace lm
