// Writing GGUF files, of version 3: metadata in the order given, and tensors whose data come piece by piece.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/file.h"
#include "base/ggml_type.h"

namespace lm {

/// The value of a key: a number of 32 or 64 bits, a flag, a text, or an array.
using GgufField =
    std::variant<std::uint32_t, std::int32_t, float, bool, std::uint64_t, std::string, std::vector<std::string>,
                 std::vector<std::int32_t>, std::vector<std::uint32_t>, std::vector<float>, std::vector<bool>>;

/// What a file says of itself, by key, in the order in which it is written.
class GgufFields {
 public:
  /// Gives a key its value, in its old place if it has one.
  void set(std::string_view key, GgufField value);
  /// Returns the value of a key; null if there is none.
  const GgufField* find(std::string_view key) const;
  /// Appends, or replaces, all of `other`.
  void merge(const GgufFields& other);
  std::span<const std::pair<std::string, GgufField>> entries() const { return entries_; }

 private:
  std::vector<std::pair<std::string, GgufField>> entries_;
};

/// A tensor to write. `produce` gives its bytes, as many as its type and shape take, in pieces of any size.
struct GgufSource {
  using Sink = std::function<void(const void* bytes, std::size_t size)>;
  std::string name;
  std::vector<std::int64_t> shape;  // the fastest dimension first, 1 to 4 of them
  GgmlType type = GgmlType::f32;
  std::function<void(const Sink&)> produce;
};

/// Returns the bytes that the tensor's type and shape take.
std::uint64_t gguf_size(const GgufSource& tensor);

/// Writes a file with the tensors in the order given, each at a multiple of 32: the same input gives the same bytes. `output` may be
/// a pipe; the caller closes it. Throws Error for a name of more than 63 bytes, which ggml does not read, or a key or a tensor that
/// is there twice.
void write_gguf(OutputStream& output, const GgufFields& fields, std::span<const GgufSource> tensors);

}  // namespace lm
