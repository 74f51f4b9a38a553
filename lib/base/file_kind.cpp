#include "base/file_kind.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/file.h"
#include "base/path.h"

namespace lm {

namespace {

struct KindName {
  FileKind kind;
  std::string_view name;
};
constexpr std::array<KindName, kFileKinds> kNames = {{
    {FileKind::unknown, "a pipe or device"},
    {FileKind::missing, "no file or folder of that name"},
    {FileKind::hub_name, "a name on a model hub"},
    {FileKind::model_folder, "a model folder"},
    {FileKind::adapter_folder, "a folder with an adapter (LoRA), not with a whole model"},
    {FileKind::pytorch_folder, "a folder with PyTorch weights and no model.safetensors"},
    {FileKind::tokenizer_folder, "a tokenizer folder"},
    {FileKind::folder, "a folder"},
    {FileKind::model, "a model (safetensors)"},
    {FileKind::other_model, "a safetensors file of another program"},
    {FileKind::state, "a training state"},
    {FileKind::adapter, "an adapter (LoRA), not a whole model"},
    {FileKind::shard, "one of the several files (shards) of a model"},
    {FileKind::shard_index, "the index of a model in several files (shards)"},
    {FileKind::gguf, "a GGUF file"},
    {FileKind::pytorch, "a PyTorch file"},
    {FileKind::pickle, "a Python pickle"},
    {FileKind::tokens, "a token stream (lm-tokens)"},
    {FileKind::llmc_tokens, "a token file of llm.c"},
    {FileKind::llmc_model, "a model file of llm.c"},
    {FileKind::counts, "a file of counts (tok-train --dump-counts)"},
    {FileKind::tokenizer, "a tokenizer.json"},
    {FileKind::tokenizer_config, "a tokenizer_config.json"},
    {FileKind::vocabulary, "a vocabulary (vocab.json) without its merges"},
    {FileKind::merges, "a list of merges (merges.txt) without its vocabulary"},
    {FileKind::tiktoken, "a .tiktoken file of ranks"},
    {FileKind::sentencepiece, "a SentencePiece model"},
    {FileKind::model_config, "a model's config.json"},
    {FileKind::adapter_config, "an adapter_config.json"},
    {FileKind::json, "a JSON file"},
    {FileKind::json_lines, "a file of JSON lines"},
    {FileKind::toml, "a TOML configuration"},
    {FileKind::text, "a text"},
    {FileKind::empty, "empty"},
    {FileKind::gzip, "compressed with gzip"},
    {FileKind::zstd, "compressed with zstd"},
    {FileKind::xz, "compressed with xz"},
    {FileKind::bzip2, "compressed with bzip2"},
    {FileKind::lz4, "compressed with lz4"},
    {FileKind::zip, "a zip archive"},
    {FileKind::seven_zip, "a 7z archive"},
    {FileKind::tar, "a tar archive"},
    {FileKind::parquet, "a Parquet file"},
    {FileKind::arrow, "an Arrow file"},
    {FileKind::numpy, "a NumPy array (.npy)"},
    {FileKind::hdf5, "an HDF5 file"},
    {FileKind::sqlite, "an SQLite database"},
    {FileKind::pdf, "a PDF"},
    {FileKind::picture, "a picture"},
    {FileKind::program, "a program (ELF)"},
    {FileKind::utf16, "text in UTF-16"},
    {FileKind::utf32, "text in UTF-32"},
    {FileKind::binary, "a binary file of no kind that is known here"},
}};

constexpr bool names_are_in_order() {
  for (std::size_t i = 0; i < kFileKinds; ++i) {
    if (static_cast<std::size_t>(kNames[i].kind) != i) return false;
  }
  return true;
}
static_assert(names_are_in_order());

constexpr std::array kVocabularies = {"tokenizer.json",          "vocab.json", "tokenizer.model", "spiece.model",
                                      "sentencepiece.bpe.model", "vocab.txt"};

std::string read_at(int descriptor, off_t offset, std::size_t size) {
  std::string bytes(size, '\0');
  std::size_t done = 0;
  while (done < size) {
    const ssize_t count = ::pread(descriptor, bytes.data() + done, size - done, offset + static_cast<off_t>(done));
    if (count <= 0) break;
    done += static_cast<std::size_t>(count);
  }
  bytes.resize(done);
  return bytes;
}

FileKind kind_of_folder(const std::string& folder) {
  const auto has = [&](const char* name) { return exists(join_path(folder, name)); };
  if (has("model.safetensors")) return FileKind::model_folder;
  if (has("adapter_config.json") || has("adapter_model.safetensors")) return FileKind::adapter_folder;
  if (has("model.safetensors.index.json")) return FileKind::model_folder;
  if (has("pytorch_model.bin") || has("pytorch_model.bin.index.json")) return FileKind::pytorch_folder;
  return holds_tokenizer(folder) ? FileKind::tokenizer_folder : FileKind::folder;
}

bool is_name_byte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
}

/// "gpt2", "HuggingFaceTB/SmolLM2-135M": no more than one slash, no folder of that name before it, and no ending of a file.
bool looks_like_hub_name(std::string_view path) {
  constexpr std::array<std::string_view, 16> kEndings = {".safetensors", ".st",    ".json", ".txt",      ".tok",   ".bin",
                                                         ".gguf",        ".state", ".toml", ".tiktoken", ".model", ".pt",
                                                         ".jsonl",       ".gz",    ".zst",  ".tokens"};
  const auto ends = [&](std::string_view ending) { return path.ends_with(ending); };
  if (path.empty() || path.size() > 96 || std::any_of(kEndings.begin(), kEndings.end(), ends)) return false;
  const std::size_t slash = path.find('/');
  if (path.find('/', slash == std::string_view::npos ? slash : slash + 1) != std::string_view::npos) return false;
  const std::string_view name = path.substr(slash == std::string_view::npos ? 0 : slash + 1);
  const std::string_view owner = path.substr(0, slash == std::string_view::npos ? 0 : slash);
  const auto plain = [](std::string_view part) {
    return part.front() != '.' && part.front() != '-' && std::all_of(part.begin(), part.end(), is_name_byte);
  };
  if (name.empty() || !plain(name)) return false;
  if (slash == std::string_view::npos) return true;
  return !owner.empty() && plain(owner) && !exists(std::string(owner));
}

}  // namespace

std::string_view file_kind_name(FileKind kind) { return kNames[static_cast<std::size_t>(kind)].name; }

bool holds_tokenizer(const std::string& folder) {
  return std::any_of(kVocabularies.begin(), kVocabularies.end(),
                     [&](const char* name) { return exists(join_path(folder, name)); });
}

bool is_vocabulary_file(std::string_view name) {
  return name == "merges.txt" || std::find(kVocabularies.begin(), kVocabularies.end(), name) != kVocabularies.end();
}

bool is_folder(FileKind kind) { return kind >= FileKind::model_folder && kind <= FileKind::folder; }

FileKind kind_of_input(int descriptor, std::size_t read, std::string_view name) {
  struct stat status {};
  if (fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode)) return FileKind::unknown;
  const off_t start = std::max<off_t>(0, ::lseek(descriptor, 0, SEEK_CUR) - static_cast<off_t>(read));
  const off_t size = std::max<off_t>(0, status.st_size - start);
  const std::string head = read_at(descriptor, start, kKindHead);
  if (size == 0 && !head.empty()) return kind_of({.head = head, .tail = {}, .size = {}, .name = name});  // of /proc
  const std::size_t tail_size = std::min(static_cast<std::size_t>(size), kKindTail);
  const std::string tail = read_at(descriptor, start + size - static_cast<off_t>(tail_size), tail_size);
  return kind_of({.head = head, .tail = tail, .size = static_cast<std::uint64_t>(size), .name = name});
}

FileKind kind_of_path(const std::string& path) {
  if (path == "-") return kind_of_input(STDIN_FILENO, 0, {});
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) {
    if (errno != ENOENT) return FileKind::unknown;
    return looks_like_hub_name(path) ? FileKind::hub_name : FileKind::missing;
  }
  if (S_ISDIR(status.st_mode)) return kind_of_folder(path);
  if (!S_ISREG(status.st_mode)) return FileKind::unknown;  // opening a pipe would wait for its writer
  const FileDescriptor input(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK), path);
  if (input.get() < 0) return FileKind::unknown;
  return kind_of_input(input.get(), 0, name_of(path));
}

}  // namespace lm
