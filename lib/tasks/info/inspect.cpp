#include <sys/stat.h>

#include <cerrno>

#include "base/error.h"
#include "tasks/info/info.h"
#include "tasks/info/kinds.h"

namespace lm {
namespace {

/// Returns what can be done with a kind that has no reader here, or none of its own.
std::string_view use_of(FileKind kind) {
  switch (kind) {
    case FileKind::text:
    case FileKind::json_lines:
      return "tok-train learns a tokenizer from it; tok-encode and lm-eval-ppl read it";
    case FileKind::toml:
      return "programs take it with --config, if it has options";
    case FileKind::model_config:
    case FileKind::tokenizer_config:
    case FileKind::adapter_config:
    case FileKind::vocabulary:
    case FileKind::merges:
      return "name the folder that it is in";
    case FileKind::pytorch:
    case FileKind::pickle:
    case FileKind::pytorch_folder:
      return "load it with its own program, and save it as safetensors";
    case FileKind::gzip:
    case FileKind::zstd:
    case FileKind::xz:
    case FileKind::bzip2:
    case FileKind::lz4:
    case FileKind::zip:
    case FileKind::seven_zip:
    case FileKind::tar:
      return "unpack it first";
    case FileKind::llmc_model:
      return "convert it to a Hugging Face folder with llm.c's export_hf.py";
    default:
      return {};
  }
}

void add_size(FileInfo& info) {
  struct stat status {};
  if (info.path == "-" || ::stat(info.path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return;
  info.facts.set("bytes", static_cast<std::int64_t>(status.st_size));
}

void inspect_kind(FileInfo& info) {
  switch (info.kind) {
    case FileKind::model:
    case FileKind::other_model:
    case FileKind::adapter:
    case FileKind::shard:
      return inspect_model_file(info);
    case FileKind::model_folder:
    case FileKind::adapter_folder:
      return inspect_model_folder(info);
    case FileKind::shard_index:
      return inspect_shard_index(info);
    case FileKind::state:
      return inspect_state(info);
    case FileKind::gguf:
      return inspect_gguf(info);
    case FileKind::tokens:
    case FileKind::llmc_tokens:
      return inspect_tokens(info);
    case FileKind::tokenizer:
    case FileKind::tokenizer_folder:
    case FileKind::tiktoken:
    case FileKind::sentencepiece:
      return inspect_tokenizer(info);
    case FileKind::counts:
      return inspect_counts(info);
    case FileKind::model_config:
    case FileKind::tokenizer_config:
    case FileKind::adapter_config:
    case FileKind::json:
      return inspect_text(info);
    default:
      return;
  }
}

}  // namespace

FileInfo inspect(const std::string& path) {
  FileInfo info{.path = path, .kind = kind_of_path(path)};
  if (info.kind == FileKind::missing || info.kind == FileKind::hub_name) throw_system_error("open", path, ENOENT);
  if (info.kind == FileKind::unknown) {
    struct stat status {};
    if (path != "-" && ::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode))
      throw_system_error("open", path, EACCES);
    throw Error("cannot look at '" + path + "': it is a pipe or a device, whose bytes can be read only once; give a file");
  }
  info.facts.set("kind", file_kind_name(info.kind));
  add_size(info);
  inspect_kind(info);
  if (const std::string_view use = use_of(info.kind); !use.empty() && info.uses.empty()) info.uses.emplace_back(use);
  return info;
}

}  // namespace lm
