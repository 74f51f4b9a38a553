// Builds small GGUF files for tests.
#pragma once

#include <bit>
#include <string>
#include <string_view>
#include <vector>

#include "base/gguf.h"
#include "base/little_endian.h"

namespace lm::test {

/// Gathers key-value pairs; each function adds one.
class GgufBuilder {
 public:
  GgufBuilder& string(std::string_view key, std::string_view value) {
    begin(key, GgufType::string);
    bytes_ += spell(value);
    return *this;
  }
  GgufBuilder& number(std::string_view key, std::uint32_t value) {
    begin(key, GgufType::uint32);
    bytes_ += little_bytes(value);
    return *this;
  }
  GgufBuilder& boolean(std::string_view key, bool value) {
    begin(key, GgufType::boolean);
    bytes_ += value ? '\1' : '\0';
    return *this;
  }
  GgufBuilder& strings(std::string_view key, const std::vector<std::string>& values) {
    begin_array(key, GgufType::string, values.size());
    for (const std::string& value : values) bytes_ += spell(value);
    return *this;
  }
  GgufBuilder& floats(std::string_view key, const std::vector<float>& values) {
    begin_array(key, GgufType::float32, values.size());
    for (const float value : values) bytes_ += little_bytes(std::bit_cast<std::uint32_t>(value));
    return *this;
  }
  GgufBuilder& integers(std::string_view key, const std::vector<std::int32_t>& values) {
    begin_array(key, GgufType::int32, values.size());
    for (const std::int32_t value : values) bytes_ += little_bytes(value);
    return *this;
  }
  /// Adds a tensor of 32-bit floats, `values` of them.
  GgufBuilder& tensor(std::string_view name, std::uint64_t values) {
    tensors_ += spell(name) + little_bytes(std::uint32_t{1}) + little_bytes(values) + little_bytes(std::uint32_t{0}) +
                little_bytes(std::uint64_t{data_.size()});
    ++tensor_count_;
    data_.append(values * 4, 'x');
    data_.append((32 - data_.size() % 32) % 32, '\0');
    return *this;
  }
  std::string file(std::uint32_t version = 3) const {
    std::string all =
        "GGUF" + little_bytes(version) + little_bytes(tensor_count_) + little_bytes(count_) + bytes_ + tensors_;
    if (tensor_count_ > 0) all.append((32 - all.size() % 32) % 32, '\0');
    return all + data_;
  }

  static std::string spell(std::string_view text) { return little_bytes(std::uint64_t{text.size()}) + std::string(text); }

 private:
  void begin(std::string_view key, GgufType type) {
    bytes_ += spell(key) + little_bytes(static_cast<std::uint32_t>(type));
    ++count_;
  }
  void begin_array(std::string_view key, GgufType type, std::size_t size) {
    begin(key, GgufType::array);
    bytes_ += little_bytes(static_cast<std::uint32_t>(type)) + little_bytes(std::uint64_t{size});
  }
  std::string bytes_, tensors_, data_;
  std::uint64_t count_ = 0, tensor_count_ = 0;
};

}  // namespace lm::test
