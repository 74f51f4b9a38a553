// The safetensors container (lm-checkpoint(5)): named arrays in one file, read one by one and written in one go.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/random_access.h"

namespace lm {

enum class Dtype { f64, f32, f16, bf16, i64, i32, i16, i8, u64, u32, u16, u8, boolean };

/// Returns the bytes that a number takes.
std::int64_t dtype_size(Dtype dtype);
/// Returns the format's word for a type: "F32".
std::string_view dtype_name(Dtype dtype);

struct TensorEntry {
  std::string name;
  Dtype dtype = Dtype::f32;
  std::vector<std::int64_t> shape;  // any rank; row-major
  std::uint64_t offset = 0;         // of its first byte in the file; aligned to nothing in files from elsewhere
  std::uint64_t size = 0;           // bytes
  std::int64_t elements() const { return static_cast<std::int64_t>(size) / dtype_size(dtype); }
};

/// The strings of a file's "__metadata__", by name.
using SafetensorsMetadata = std::map<std::string, std::string, std::less<>>;

/// Whether opening a file reads all of it, to compare lm.checksum.
enum class Checksum { verified, ignored };

/// An open file, whose arrays are read when they are asked for. Opening checks everything except the numbers: one JSON
/// header of at most 100,000,000 bytes, no unknown or duplicate key or name, every size equal to what its shape takes, no
/// hole, no overlap, no byte beyond, and `lm.checksum` if it is there (which reads the file once).
class SafetensorsFile {
 public:
  /// Throws Error.
  static SafetensorsFile open(const std::string& path, Checksum checksum = Checksum::verified);

  const std::string& name() const { return file_.name(); }
  /// Returns the tensors in the order of their data.
  const std::vector<TensorEntry>& entries() const { return entries_; }
  /// Returns the tensor of that name; null if there is none.
  const TensorEntry* find(std::string_view name) const;
  const SafetensorsMetadata& metadata() const { return metadata_; }
  /// Returns the string of a key; null if there is none.
  const std::string* metadata(std::string_view key) const;

  /// Returns the checksum that the file states; of one without, the hash of all of it, which is read. Throws Error.
  std::string checksum() const;

  /// Throws Error unless the type is one that read_floats reads.
  void check_floats(const TensorEntry& entry) const;
  /// Reads F32, F16, BF16 or F64 as float; out: entry.elements(). Throws Error for other types.
  void read_floats(const TensorEntry& entry, std::span<float> out) const;
  /// The same for a part of the tensor: out.size() numbers from number `first` on.
  void read_floats(const TensorEntry& entry, std::int64_t first, std::span<float> out) const;

 private:
  explicit SafetensorsFile(RandomAccessFile file) : file_(std::move(file)) {}
  void read_header(Checksum checksum);
  void check_layout(std::uint64_t data_offset);
  void verify_checksum(std::string_view header_text) const;

  RandomAccessFile file_;
  std::vector<TensorEntry> entries_;
  std::vector<std::size_t> by_name_;  // indices of entries_
  SafetensorsMetadata metadata_;
};

/// Returns the strings of a file's metadata, without a look at its tensors. Throws Error if its header is wrong.
SafetensorsMetadata read_safetensors_metadata(const std::string& path);

/// A tensor to write: its bytes, or a function that gives them piece by piece (called twice with the same result: once for
/// the checksum, once for the file).
struct TensorSource {
  using Sink = std::function<void(const void* bytes, std::size_t size)>;
  std::string name;
  Dtype dtype = Dtype::f32;
  std::vector<std::int64_t> shape;
  std::span<const std::byte> bytes;          // in memory, row-major, this machine's (little-endian)
  std::function<void(const Sink&)> produce;  // if `bytes` is empty
};

/// Returns F32 from memory that outlives the writing.
TensorSource tensor_source(std::string name, std::vector<std::int64_t> shape, std::span<const float> values);

/// Writes a file with the tensors in the order given, metadata in order of name with `"format": "pt"` and `lm.checksum`
/// added: the same input gives the same bytes. Reads the sources twice and writes once, so `output` may be a pipe. The
/// caller closes it. Throws Error if the header would be too large.
void write_safetensors(OutputStream& output, const SafetensorsMetadata& metadata, std::span<const TensorSource> tensors);

}  // namespace lm
