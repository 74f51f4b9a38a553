#include "base/hash.h"

#include <array>
#include <cstdio>

#define XXH_STATIC_LINKING_ONLY
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/error.h"

namespace lm {

// One state serves both widths: XXH3's two variants reset and update alike, and differ only in the digest.
struct Hasher::State {
  XXH3_state_t xxh3;
};

Hasher::Hasher() : state_(std::make_unique<State>()) { LM_CHECK(XXH3_128bits_reset(&state_->xxh3) == XXH_OK); }
Hasher::~Hasher() = default;
Hasher::Hasher(Hasher&&) noexcept = default;
Hasher& Hasher::operator=(Hasher&&) noexcept = default;

void Hasher::update(const void* bytes, std::size_t size) {
  LM_CHECK(XXH3_128bits_update(&state_->xxh3, bytes, size) == XXH_OK);
}

std::uint64_t Hasher::digest64() const { return XXH3_64bits_digest(&state_->xxh3); }

Fingerprint Hasher::digest128() const {
  const XXH128_hash_t hash = XXH3_128bits_digest(&state_->xxh3);
  return {.low = hash.low64, .high = hash.high64};
}

std::string to_hex(const Fingerprint& fingerprint) {
  std::array<char, 33> text{};
  std::snprintf(text.data(), text.size(), "%016llx%016llx", static_cast<unsigned long long>(fingerprint.high),
                static_cast<unsigned long long>(fingerprint.low));
  return std::string(text.data(), 32);
}

}  // namespace lm
