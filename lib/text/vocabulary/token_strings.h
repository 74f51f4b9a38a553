// The bytes of all tokens by id, packed into one string, and the index from bytes to id.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/token.h"
#include "text/vocabulary/byte_hash.h"

namespace lm {

/// An array of byte strings in one allocation, 4 GiB of them at most. An empty string is that of an id that is not used.
class TokenStrings {
 public:
  /// Makes room for so much, so that growing never copies. (Memory that is not used costs only addresses.)
  void reserve(std::uint64_t bytes, std::uint64_t count) {
    bytes_.reserve(bytes);
    ends_.reserve(count);
  }
  void push_back(std::string_view bytes) {
    LM_CHECK(bytes.size() <= UINT32_MAX - bytes_.size());
    bytes_ += bytes;
    ends_.push_back(static_cast<std::uint32_t>(bytes_.size()));
  }
  std::string_view operator[](TokenId id) const {
    const std::uint32_t begin = id == 0 ? 0 : ends_[id - 1];
    return std::string_view(bytes_).substr(begin, ends_[id] - begin);
  }
  std::uint32_t size() const { return static_cast<std::uint32_t>(ends_.size()); }

 private:
  std::string bytes_;
  std::vector<std::uint32_t> ends_;
};

/// Returns the id of a token by its bytes, special or not: the first if several have them. Looks at one after another; for more
/// than a few tokens there is TokenIndex.
std::optional<TokenId> find_token(const TokenStrings& tokens, std::string_view bytes);

/// Open-addressing index over a TokenStrings, which must stay in place and outlive it.
class TokenIndex {
 public:
  /// Empties the index and makes room for `count` tokens.
  void reset(const TokenStrings& strings, std::uint32_t count);
  /// Adds a token; the caller keeps within `count`. Returns false if another token has the same bytes.
  bool insert(TokenId id);
  std::optional<TokenId> find(std::string_view bytes) const { return find(bytes, hash_bytes(bytes)); }
  /// The same with the hash of the bytes, of which prefetch() has begun to fetch what is read.
  std::optional<TokenId> find(std::string_view bytes, std::uint64_t hash) const;
  void prefetch(std::uint64_t hash) const {
    if (!slots_.empty()) __builtin_prefetch(&slots_[hash & (slots_.size() - 1)]);
  }

 private:
  // Part of the hash, so that other strings need hardly be looked at, and the id.
  struct Slot {
    std::uint32_t tag = 0;
    TokenId id = kFree;
  };
  static constexpr TokenId kFree = 0xFFFFFFFF;
  std::size_t slot_of(std::string_view bytes, std::uint64_t hash) const;  // where it is, or would be
  static std::uint32_t tag_of(std::uint64_t hash) { return static_cast<std::uint32_t>(hash >> 32); }
  const TokenStrings* strings_ = nullptr;
  std::vector<Slot> slots_;
};

}  // namespace lm
