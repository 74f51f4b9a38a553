// A reader of protobuf messages: one field after the other, bounded by the message.
#pragma once

#include <bit>
#include <cstdint>
#include <string_view>

#include "base/little_endian.h"

namespace lm {

/// Walks over the fields of a message. What breaks off or is no field sets failed(), and ends the walk.
class ProtobufReader {
 public:
  explicit ProtobufReader(std::string_view message) : rest_(message) {}

  /// Goes to the next field; returns false at the end.
  bool next() {
    if (rest_.empty() || failed_) return false;
    const std::uint64_t tag = varint();
    number_ = tag >> 3;
    wire_ = static_cast<std::uint32_t>(tag & 7);
    value_ = 0;
    bytes_ = {};
    if (failed_ || number_ == 0 || number_ > 0x1FFFFFFF) return fail();
    switch (wire_) {
      case 0:
        value_ = varint();
        break;
      case 1:
        value_ = fixed<std::uint64_t>();
        break;
      case 2:
        bytes_ = take(varint());
        break;
      case 5:
        value_ = fixed<std::uint32_t>();
        break;
      default:  // groups are long out of use
        return fail();
    }
    return !failed_;
  }
  bool failed() const { return failed_; }

  /// Return whether the field at hand has this number and kind.
  bool is_number(std::uint64_t field) const { return number_ == field && wire_ == 0; }
  bool is_float(std::uint64_t field) const { return number_ == field && wire_ == 5; }
  bool is_bytes(std::uint64_t field) const { return number_ == field && wire_ == 2; }

  std::uint64_t number() const { return value_; }
  float real() const { return std::bit_cast<float>(static_cast<std::uint32_t>(value_)); }
  std::string_view bytes() const { return bytes_; }

 private:
  bool fail() {
    failed_ = true;
    return false;
  }
  std::string_view take(std::uint64_t size) {
    if (size > rest_.size()) {
      failed_ = true;
      return {};
    }
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }
  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (std::uint32_t shift = 0; shift < 64 && !rest_.empty(); shift += 7) {
      const auto byte = static_cast<unsigned char>(rest_.front());
      rest_.remove_prefix(1);
      value |= std::uint64_t{byte & 0x7FU} << shift;
      if (byte < 0x80) return value;
    }
    failed_ = true;
    return 0;
  }
  template <class Integer>
  std::uint64_t fixed() {
    const std::string_view taken = take(sizeof(Integer));
    return taken.empty() ? 0 : load_little<Integer>(taken.data());
  }

  std::string_view rest_;
  std::uint64_t number_ = 0, value_ = 0;
  std::uint32_t wire_ = 0;
  std::string_view bytes_;
  bool failed_ = false;
};

}  // namespace lm
