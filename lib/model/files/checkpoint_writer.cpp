// Writing models: a file by the atomic writer, a folder whole under a temporary name and then exchanged.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <system_error>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "base/file_lock.h"
#include "base/path.h"
#include "base/temporaries.h"
#include "base/written.h"
#include "model/files/checkpoint.h"
#include "model/files/config_hugging_face.h"
#include "model/files/safetensors_check.h"

namespace lm {

namespace {

constexpr std::array<const char*, 4> kFolderFiles = {"config.json", "model.safetensors", "tokenizer.json",
                                                     "tokenizer_config.json"};

/// Throws Error if a reader would make another configuration of `json` than the one written into it.
template <class Read>
void check_config_text(const std::string& text, const std::string& path, const ModelConfig& config, Read read) {
  ModelConfig again = read(JsonValue::parse(text, path), path);
  again.dropout = config.dropout;  // which Hugging Face's Llama and Qwen3 do not have
  if (config.positions == Positions::learned) again.rotary.theta = config.rotary.theta;
  if (again != config) refuse_written(path, "has another configuration");
}

void write_weights(const std::string& path, const ModelRecord& record, const Parameters<float>& parameters) {
  std::vector<TensorSource> sources;
  add_sources(sources, parameters);
  const SafetensorsMetadata metadata = model_metadata(record);
  check_config_text(metadata.at("lm.config"), path, record.config, config_from_json);
  const std::unique_ptr<OutputStream> output = open_output(path);
  output->read_back([&](const FileDescriptor& written) { check_written_safetensors(written, metadata, sources); });
  write_safetensors(*output, metadata, sources);
  output->close();
}

void write_text(const std::string& path, const std::string& text) {
  const std::unique_ptr<OutputStream> output = open_output(path);
  output->read_back([&](const FileDescriptor& written) { check_written_text(written, text); });
  output->write(text);
  output->close();
}

/// Returns whether save_folder writes files of this name, whole or, before a kill, in part.
bool is_ours(const std::string& name) {
  return std::any_of(kFolderFiles.begin(), kFolderFiles.end(),
                     [&](const char* file) { return name == file || is_temporary_of(companion_prefix(file), name); });
}

/// Throws Error if a folder holds anything that is not ours, which an exchange would take away.
void check_replaceable(const std::string& folder) {
  const std::optional<std::vector<std::string>> names = names_in(folder);
  if (!names) throw_system_error("open folder", folder, errno);
  for (const std::string& name : *names) {
    if (!is_ours(name))
      throw Error("folder '" + folder + "' holds '" + name + "', which is not part of a model; name a new or empty folder");
  }
}

void remove_folder(const std::string& folder) {
  for (const std::string& name : names_in(folder).value_or(std::vector<std::string>())) {
    if (is_ours(name)) unlink(join_path(folder, name).c_str());
  }
  rmdir(folder.c_str());
}

FileDescriptor open_folder(const std::string& path) {
  return {above_standard(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)), path};
}

/// Removes the temporary folders that killed runs left beside `folder`: those whose lock nobody holds.
void remove_stale_folders(const std::string& folder) {
  const std::string prefix = companion_prefix(name_of(folder));
  const std::string parent = folder_of(folder);
  for (const std::string& name : names_in(parent).value_or(std::vector<std::string>())) {
    if (!is_temporary_of(prefix, name)) continue;
    const std::string path = join_path(parent, name);
    const FileDescriptor opened = open_folder(path);
    // Between open and lock its owner may have exchanged it and begun another one.
    if (opened.get() >= 0 && try_lock(opened.get()) && is_still_named(opened.get(), path)) remove_folder(path);
  }
}

/// Creates the folder in which the files are written, and locks it. Another run's cleaning may take it away between the
/// two; then it is created again.
FileDescriptor create_temporary_folder(const std::string& folder) {
  const std::string path =
      join_path(folder_of(folder), companion_prefix(name_of(folder)) + std::to_string(getpid()) + ".tmp");
  for (int attempt = 0; attempt < 100; ++attempt) {
    if (mkdir(path.c_str(), 0777) != 0) {
      if (errno == EEXIST)
        throw Error("cannot write folder '" + folder + "': it is being written already, as '" + path + "'");
      throw_system_error("create folder", path, errno);
    }
    FileDescriptor opened = open_folder(path);
    if (opened.get() < 0 && errno == ENOENT) continue;
    if (opened.get() < 0) throw_system_error("open folder", path, errno);
    wait_for_lock(opened.get());
    if (is_still_named(opened.get(), path)) return opened;
  }
  throw Error("cannot write folder '" + folder + "': its temporary folder '" + path + "' keeps vanishing");
}

void write_folder_files(const std::string& folder, const ModelRecord& record, const Parameters<float>& parameters) {
  JsonValue config = config_to_hugging_face(record.config, record.end_of_text, record.begin);
  config.set("lm_objective", record.objective);  // other than causal and fim: seen both ways, as the causal class does not
  if (!record.ends.ids.empty()) config.set("eos_token_id", text_ends_to_json(record.ends.ids));
  check_config_text(config.dump(2), folder + "/config.json", record.config, config_from_hugging_face);
  write_text(folder + "/config.json", config.dump(2) + "\n");
  write_text(folder + "/tokenizer.json", record.tokenizer_json);
  write_text(folder + "/tokenizer_config.json", record.tokenizer_config);
  // Last: it carries everything that we read ourselves.
  write_weights(folder + "/model.safetensors", record, parameters);
}

/// Returns the folder that a path names, with links resolved.
std::string resolved_folder(const std::string& path) {
  std::error_code error;
  const std::string folder = without_trailing_slashes(path);
  const std::filesystem::path real = std::filesystem::canonical(folder, error);
  if (!error) return real.string();
  if (std::filesystem::is_symlink(folder, error)) {
    throw Error("cannot write folder '" + path + "': it is a link that leads nowhere; make the folder or remove the link");
  }
  return folder;
}

/// Puts `temporary` in the place of `folder`; returns false if the file system cannot exchange two names.
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
  const std::string folder = resolved_folder(path);
  struct stat status {};
  if (stat(folder.c_str(), &status) == 0) check_replaceable(folder);
  remove_stale_folders(folder);
  const FileDescriptor locked = create_temporary_folder(folder);
  const std::string& temporary = locked.name();
  std::vector<TemporaryName> registered;
  registered.emplace_back(temporary, TemporaryName::Kind::folder);
  for (const char* name : kFolderFiles) registered.emplace_back(join_path(temporary, name));
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
  const std::string name = resolved_folder(path);
  const std::string parent = folder_of(name);
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
