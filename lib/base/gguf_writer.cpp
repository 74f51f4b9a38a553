#include "base/gguf_writer.h"

#include <algorithm>
#include <bit>
#include <set>
#include <string>
#include <type_traits>

#include "base/error.h"
#include "base/gguf.h"
#include "base/little_endian.h"

namespace lm {

namespace {

constexpr std::uint64_t kAlignment = 32;  // what readers take where general.alignment is absent
constexpr std::size_t kLongestName = 63;  // GGML_MAX_NAME, less the byte that ends it
constexpr std::uint32_t kVersion = 3;

template <class T>
constexpr GgufType type_of() {
  if constexpr (std::is_same_v<T, std::uint32_t>) return GgufType::uint32;
  if constexpr (std::is_same_v<T, std::int32_t>) return GgufType::int32;
  if constexpr (std::is_same_v<T, float>) return GgufType::float32;
  if constexpr (std::is_same_v<T, bool>) return GgufType::boolean;
  if constexpr (std::is_same_v<T, std::uint64_t>) return GgufType::uint64;
  if constexpr (std::is_same_v<T, std::string>) return GgufType::string;
}

/// Collects the bytes of the header.
class HeaderText {
 public:
  template <std::integral T>
  void number(T value) {
    text_ += little_bytes(value);
  }
  void raw(std::string_view bytes) { text_ += bytes; }
  void type(GgufType type) { number(static_cast<std::uint32_t>(type)); }
  void text(std::string_view value) {
    number(std::uint64_t{value.size()});
    text_ += value;
  }
  template <class T>
  void scalar(const T& value) {
    if constexpr (std::is_same_v<T, std::string>) {
      text(value);
    } else if constexpr (std::is_same_v<T, float>) {
      number(std::bit_cast<std::uint32_t>(value));
    } else {
      number(value);
    }
  }
  template <class T>
  void value(const T& value) {
    type(type_of<T>());
    scalar(value);
  }
  template <class T>
  void value(const std::vector<T>& values) {
    type(GgufType::array);
    type(type_of<T>());
    number(std::uint64_t{values.size()});
    for (const T& each : values) scalar(each);
  }
  void pad() { text_.resize((text_.size() + kAlignment - 1) / kAlignment * kAlignment, '\0'); }
  const std::string& bytes() const { return text_; }

 private:
  std::string text_;
};

std::uint64_t padded(std::uint64_t size) { return (size + kAlignment - 1) / kAlignment * kAlignment; }

void check_tensors(const OutputStream& output, std::span<const GgufSource> tensors) {
  std::set<std::string_view> names;
  for (const GgufSource& tensor : tensors) {
    if (tensor.name.size() > kLongestName) {
      throw Error("cannot write '" + output.name() + "': the name of the tensor '" + tensor.name + "' has more than " +
                  std::to_string(kLongestName) + " bytes, which GGUF's readers refuse");
    }
    if (!names.insert(tensor.name).second)
      throw Error("cannot write '" + output.name() + "': two tensors are called '" + tensor.name + "'");
  }
}

std::string header_of(const GgufFields& fields, std::span<const GgufSource> tensors) {
  HeaderText header;
  header.raw("GGUF");
  header.number(kVersion);
  header.number(std::uint64_t{tensors.size()});
  header.number(std::uint64_t{fields.entries().size()});
  for (const auto& [key, field] : fields.entries()) {
    header.text(key);
    std::visit([&](const auto& value) { header.value(value); }, field);
  }
  std::uint64_t offset = 0;
  for (const GgufSource& tensor : tensors) {
    header.text(tensor.name);
    header.number(static_cast<std::uint32_t>(tensor.shape.size()));
    for (const std::int64_t dimension : tensor.shape) header.number(static_cast<std::uint64_t>(dimension));
    header.number(static_cast<std::uint32_t>(tensor.type));
    header.number(offset);
    offset += padded(gguf_size(tensor));
  }
  header.pad();
  return header.bytes();
}

}  // namespace

void GgufFields::set(std::string_view key, GgufField value) {
  const auto found = std::find_if(entries_.begin(), entries_.end(), [&](const auto& entry) { return entry.first == key; });
  if (found != entries_.end()) {
    found->second = std::move(value);
  } else {
    entries_.emplace_back(key, std::move(value));
  }
}

const GgufField* GgufFields::find(std::string_view key) const {
  const auto found = std::find_if(entries_.begin(), entries_.end(), [&](const auto& entry) { return entry.first == key; });
  return found == entries_.end() ? nullptr : &found->second;
}

void GgufFields::merge(const GgufFields& other) {
  for (const auto& [key, value] : other.entries()) set(key, value);
}

std::uint64_t gguf_size(const GgufSource& tensor) {
  LM_CHECK(!tensor.shape.empty() && tensor.shape.size() <= 4);
  const GgmlTypeFacts& facts = facts_of(tensor.type);
  LM_CHECK(tensor.shape[0] > 0 && tensor.shape[0] % facts.values == 0);
  std::int64_t size = facts.bytes_of(tensor.shape[0]);
  for (std::size_t i = 1; i < tensor.shape.size(); ++i)
    LM_CHECK(tensor.shape[i] > 0 && !__builtin_mul_overflow(size, tensor.shape[i], &size));
  return static_cast<std::uint64_t>(size);
}

void write_gguf(OutputStream& output, const GgufFields& fields, std::span<const GgufSource> tensors) {
  check_tensors(output, tensors);
  output.write(header_of(fields, tensors));
  constexpr char kZeros[kAlignment] = {};
  for (const GgufSource& tensor : tensors) {
    std::uint64_t given = 0;
    tensor.produce([&](const void* bytes, std::size_t size) {
      given += size;
      output.write(bytes, size);
    });
    const std::uint64_t size = gguf_size(tensor);
    LM_CHECK(given == size);
    output.write(kZeros, padded(size) - size);
  }
}

}  // namespace lm
