// Token ids as bytes, many at a time: in pieces of a constant length, which compilers turn into wide instructions.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "base/little_endian.h"
#include "base/token.h"

namespace lm {

/// What there was among ids.
struct IdFacts {
  std::int64_t outside = 0;  // how many were not below the limit
  std::int64_t counted = 0;  // how many were the one that is counted
};

/// Writes ids as little-endian numbers, which they fit into if they are below the limit.
template <class Stored>
IdFacts store_ids(std::span<const TokenId> ids, TokenId limit, TokenId counted, char* bytes) {
  constexpr std::size_t kPiece = 64;
  IdFacts facts;
  std::size_t done = 0;
  if constexpr (std::endian::native == std::endian::little) {
    for (; done + kPiece <= ids.size(); done += kPiece) {
      const TokenId* piece = ids.data() + done;
      Stored stored[kPiece];
      std::uint32_t outside = 0, same = 0;
      for (std::size_t i = 0; i < kPiece; ++i) stored[i] = static_cast<Stored>(piece[i]);
      for (std::size_t i = 0; i < kPiece; ++i) outside += piece[i] >= limit ? 1 : 0;
      for (std::size_t i = 0; i < kPiece; ++i) same += piece[i] == counted ? 1 : 0;
      facts.outside += outside;
      facts.counted += same;
      std::memcpy(bytes + done * sizeof(Stored), stored, sizeof stored);
    }
  }
  for (; done < ids.size(); ++done) {
    facts.outside += ids[done] >= limit ? 1 : 0;
    facts.counted += ids[done] == counted ? 1 : 0;
    store_little(bytes + done * sizeof(Stored), static_cast<Stored>(ids[done]));
  }
  return facts;
}

}  // namespace lm
