// What a file is, whatever its name says: the kinds that people give these programs, recognized by their first and last
// bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace lm {

/// In the order of the table in file_kind.cpp, which names them for people.
enum class FileKind {
  unknown,  // a pipe or device, whose bytes have not come yet
  missing,
  hub_name,
  model_folder,
  adapter_folder,
  pytorch_folder,
  tokenizer_folder,
  folder,
  model,
  other_model,
  state,
  adapter,
  shard,
  shard_index,
  gguf,
  pytorch,
  pickle,
  tokens,
  llmc_tokens,
  llmc_model,
  counts,
  tokenizer,
  tokenizer_config,
  vocabulary,
  merges,
  tiktoken,
  sentencepiece,
  model_config,
  adapter_config,
  json,
  json_lines,
  toml,
  text,
  empty,
  gzip,
  zstd,
  xz,
  bzip2,
  lz4,
  zip,
  seven_zip,
  tar,
  parquet,
  arrow,
  numpy,
  hdf5,
  sqlite,
  pdf,
  picture,
  program,
  utf16,
  utf32,
  binary,
};
constexpr std::size_t kFileKinds = static_cast<std::size_t>(FileKind::binary) + 1;

/// Returns what the kind is called, with its article: "a token stream (lm-tokens)".
std::string_view file_kind_name(FileKind kind);

/// What recognition looks at.
struct FileSample {
  std::string_view head;                 // its beginning
  std::optional<std::string_view> tail;  // its end, if that is known: not of a pipe
  std::optional<std::uint64_t> size;     // in bytes, if known
  std::string_view name;                 // decides between kinds whose bytes look alike; may be empty
};

/// Returns true for folders of any kind.
bool is_folder(FileKind kind);

/// Returns whether a folder holds a tokenizer in any form.
bool holds_tokenizer(const std::string& folder);

/// Returns whether a file of that name holds a tokenizer or a part of one.
bool is_vocabulary_file(std::string_view name);

/// How many bytes at each end of a file suffice.
constexpr std::size_t kKindHead = std::size_t{1} << 16;
constexpr std::size_t kKindTail = std::size_t{1} << 10;

/// Returns the kind of what is no folder.
FileKind kind_of(const FileSample& sample);

/// Returns the kind of a path, with links followed; "-" is standard input, looked at from its position on. Nothing is
/// consumed: a pipe or device is `unknown`. Never throws: what cannot be read is `unknown` too, and whoever opens it says
/// why.
FileKind kind_of_path(const std::string& path);

/// Returns the kind of an open input, looked at from `read` bytes before its position on.
FileKind kind_of_input(int descriptor, std::size_t read, std::string_view name);

/// Returns true if a stream that begins with `head` may yet turn out to be no text, because it is the beginning of a
/// signature.
bool may_become_signature(std::string_view head);

}  // namespace lm
