// GGUF, the container of llama.cpp's models: metadata by key and tensors, read as they are asked for.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/ggml_type.h"
#include "base/random_access.h"

namespace lm {

// A file is a header, key-value pairs, the tensors' descriptions, and from the next multiple of general.alignment on their
// data. Arrays (of tokens, of merges) can be most of a file, so they stay there: what is kept is where they are. Everything
// is checked while it is walked over, counts against what is left of the file before anything is allocated.

/// The types of values, with the numbers that files have for them.
enum class GgufType : std::uint32_t {
  uint8,
  int8,
  uint16,
  int16,
  uint32,
  int32,
  float32,
  boolean,
  string,
  array,
  uint64,
  int64,
  float64
};
/// Returns the name of a type for people ("an unsigned 32-bit integer").
std::string_view to_string(GgufType type);

/// An array of a file: `count` elements from byte `offset` on, in `size` bytes. Never an array of arrays.
struct GgufArray {
  GgufType type = GgufType::uint8;
  std::uint64_t count = 0, offset = 0, size = 0;
};

struct GgufValue {
  GgufType type = GgufType::uint8;
  /// Numbers as the widest of their kind.
  std::variant<std::uint64_t, std::int64_t, double, bool, std::string, GgufArray> value;
};

struct GgufTensor {
  std::string name;
  std::array<std::uint64_t, 4> shape{1, 1, 1, 1};  // the fastest dimension first
  std::uint32_t dimensions = 0;
  GgmlType type = GgmlType::f32;
  std::uint64_t offset = 0, size = 0;  // of its bytes in the file
};

/// A GGUF file of version 2 or 3, little-endian.
class GgufFile {
 public:
  /// Opens a path ("-" is standard input). Throws Error for what is no such file, says what it does not hold to, or breaks
  /// off; that takes no more memory than twice the file and 16 MiB.
  static GgufFile open(const std::string& path);
  explicit GgufFile(RandomAccessFile file);

  const std::string& name() const { return file_.name(); }
  std::uint32_t version() const { return version_; }
  std::uint64_t alignment() const { return alignment_; }
  /// Returns the value of a key, or null.
  const GgufValue* find(std::string_view key) const;
  /// Returns the keys in order.
  std::vector<std::string_view> keys() const;
  /// Returns the tensor of that name, or null.
  const GgufTensor* find_tensor(std::string_view name) const;

  // Return the value of a key, or nothing if there is none. Throw Error if it has another type.
  std::optional<std::string> string_at(std::string_view key) const;
  std::optional<bool> boolean_at(std::string_view key) const;
  /// Takes integers of every type that are not negative.
  std::optional<std::uint64_t> unsigned_at(std::string_view key) const;
  /// Takes floats and integers.
  std::optional<double> number_at(std::string_view key) const;
  std::optional<GgufArray> array_at(std::string_view key) const;

  /// Gives each element of an array of strings in order, without holding more than one of them.
  void for_each_string(const GgufArray& array, const std::function<void(std::string_view)>& take) const;
  /// Return the elements of an array of integers or booleans, the first `most` of them, or of floats. Throw Error for one of
  /// another type.
  std::vector<std::int64_t> integers(const GgufArray& array, std::uint64_t most = UINT64_MAX) const;
  std::vector<float> floats(const GgufArray& array) const;
  /// Returns the bytes of an array of 8-bit integers.
  std::string bytes(const GgufArray& array) const;

  /// Returns the tensors in the file's order.
  std::span<const GgufTensor> tensors() const { return tensors_; }
  /// Reads bytes of the file, as tensors have them.
  void read(std::uint64_t offset, void* buffer, std::size_t size) const { file_.read(offset, buffer, size); }

 private:
  class Reader;
  struct Entry {
    std::string key;
    GgufValue value;
  };
  void read_entries(Reader& reader, std::uint64_t count);
  void read_tensors(Reader& reader, std::uint64_t count);
  void index_tensors();
  void place_tensors(std::uint64_t data_offset);
  [[noreturn]] void refuse(const std::string& why) const;
  [[noreturn]] void refuse_type(std::string_view key, std::string_view expected, GgufType got) const;

  RandomAccessFile file_;
  std::uint32_t version_ = 0;
  std::uint64_t alignment_ = 32;
  std::vector<Entry> entries_;  // by key
  std::vector<GgufTensor> tensors_;
  std::vector<std::uint32_t> by_name_;  // indices of tensors_
};

}  // namespace lm
