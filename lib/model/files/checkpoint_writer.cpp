// Writing models: a file by the atomic writer, a folder whole under a temporary name and then exchanged.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "base/file_lock.h"
#include "base/path.h"
#include "base/temporaries.h"
#include "base/written.h"
#include "model/files/checkpoint.h"
#include "model/files/config_check.h"
#include "model/files/folder_files.h"
#include "model/files/folder_replacing.h"
#include "model/files/safetensors_check.h"

namespace lm {

namespace {

constexpr const char* kWeights = "model.safetensors";

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

void remove_folder(const std::string& folder) {
  for (const std::string& name : names_in(folder).value_or(std::vector<std::string>())) {
    if (is_of_folder(name)) unlink(join_path(folder, name).c_str());
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

void write_folder_files(const std::string& folder, const FolderTexts& files, const ModelRecord& record,
                        const Parameters<float>& parameters) {
  for (const auto& [name, text] : files) write_text(join_path(folder, name), text);
  // Last: it carries everything that we read ourselves.
  write_weights(join_path(folder, kWeights), record, parameters);
}

/// Writes over the files of a folder, where names cannot be exchanged.
void overwrite_folder(const std::string& folder, const FolderTexts& files, const ModelRecord& record,
                      const Parameters<float>& parameters) {
  for (const std::string& name : names_in(folder).value_or(std::vector<std::string>())) {
    if (is_of_folder(name) && name != kWeights && !files.contains(name)) unlink(join_path(folder, name).c_str());
  }
  // Readers believe model.safetensors over the other files, so it is replaced last.
  write_folder_files(folder, files, record, parameters);
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
  const FolderTexts files = folder_files(record);
  if (exists(folder)) check_replaceable(folder);
  remove_stale_folders(folder);
  const FileDescriptor locked = create_temporary_folder(folder);
  const std::string& temporary = locked.name();
  std::vector<TemporaryName> registered;
  registered.emplace_back(temporary, TemporaryName::Kind::folder);
  for (const auto& [name, text] : files) registered.emplace_back(join_path(temporary, name));
  registered.emplace_back(join_path(temporary, kWeights));
  try {
    write_folder_files(temporary, files, record, parameters);
    if (exchange(temporary, folder)) {
      sync_folder_of(folder);
    } else {
      overwrite_folder(folder, files, record, parameters);
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
