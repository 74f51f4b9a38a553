// XXH3, the hash of every fingerprint, trailer and checksum.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "base/token.h"

namespace lm {

/// XXH3-64 and XXH3-128 over a stream of bytes (xxhash.com). Feeding in pieces gives the hash of the whole.
class Hasher {
 public:
  Hasher();
  ~Hasher();
  Hasher(Hasher&&) noexcept;
  Hasher& operator=(Hasher&&) noexcept;
  void update(const void* bytes, std::size_t size);
  std::uint64_t digest64() const;
  Fingerprint digest128() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Returns 32 lower-case hex digits, the high half first.
std::string to_hex(const Fingerprint& fingerprint);

}  // namespace lm
