// The hash of the tables of text: short byte strings and pairs of ids to 64 bits. In memory only, never on disk.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

namespace lm {

/// Multiplies to 128 bits and folds: every input bit reaches every output bit.
inline std::uint64_t mix_bits(std::uint64_t a, std::uint64_t b) {
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

/// A number of this process: without it, texts could be made of which all pieces have one hash. Nothing but speed depends on it.
std::uint64_t hash_seed();
inline const std::uint64_t kHashSeed = hash_seed();

/// Returns the hash of a byte string, eight bytes at a time.
inline std::uint64_t hash_bytes(std::string_view bytes) {
  constexpr std::uint64_t kOdd = 0x9E3779B97F4A7C15, kOther = 0xD6E8FEB86659FD93;
  std::uint64_t hash = kHashSeed ^ bytes.size();
  const char* at = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= 8; left -= 8, at += 8) {
    std::uint64_t word;
    std::memcpy(&word, at, 8);
    hash = mix_bits(hash ^ word, kOdd);
  }
  std::uint64_t word = 0;
  if (left > 0) std::memcpy(&word, at, left);
  return mix_bits(hash ^ word, kOther);
}

/// Returns the hash of two ids, one in each half of the number.
inline std::uint64_t hash_pair(std::uint64_t left_and_right) {
  const std::uint64_t product = left_and_right * 0x9E3779B97F4A7C15;
  return product ^ (product >> 32);
}

}  // namespace lm
