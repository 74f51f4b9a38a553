// Numbers as files have them: little-endian, whatever the machine.
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>

namespace lm {

/// Reads the number at the front of `bytes`.
template <std::integral Integer>
Integer load_little(const void* bytes) {
  std::array<unsigned char, sizeof(Integer)> raw;
  std::memcpy(raw.data(), bytes, raw.size());
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < raw.size(); ++i) value |= std::uint64_t{raw[i]} << (8 * i);
  return static_cast<Integer>(value);
}

/// Writes a number to the front of `bytes`.
template <std::integral Integer>
void store_little(void* bytes, Integer value) {
  std::array<unsigned char, sizeof(Integer)> raw;
  for (std::size_t i = 0; i < raw.size(); ++i)
    raw[i] = static_cast<unsigned char>(static_cast<std::uint64_t>(value) >> (8 * i));
  std::memcpy(bytes, raw.data(), raw.size());
}

/// Returns the bytes of a number.
template <std::integral Integer>
std::string little_bytes(Integer value) {
  std::string bytes(sizeof(Integer), '\0');
  store_little(bytes.data(), value);
  return bytes;
}

}  // namespace lm
