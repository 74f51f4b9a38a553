// PrefixTrie: all tokens that a text begins with, found byte by byte in a double array.
#pragma once

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "base/token.h"

namespace lm {

/// A double array (Aoe 1989): the child of a node by a byte is at base + byte, and its slot holds that byte. As no two nodes
/// have the same base, the byte suffices to know whose child a slot is. Eight bytes a slot.
class PrefixTrie {
 public:
  using Node = std::uint32_t;
  static constexpr Node kRoot = 0, kNoNode = 0xFFFFFFFF;
  static constexpr TokenId kNoToken = 0x7FFFFF;  // more than any id that can be added

  using Key = std::pair<std::string_view, TokenId>;
  /// Builds the trie of spellings and their ids, which are below kNoToken. Of equal spellings the last one counts; empty ones
  /// are left out.
  void build(std::vector<Key> keys);

  /// Returns the child of `node` by `byte`, or kNoNode.
  Node child(Node node, unsigned char byte) const {
    const Node next = slots_[node].base + byte;
    return (slots_[next].info & 0x1FF) == (kTaken | byte) ? next : kNoNode;
  }
  /// Returns the node that `bytes` lead to from the root, or kNoNode.
  Node find(std::string_view bytes) const {
    Node node = kRoot;
    for (std::size_t i = 0; i < bytes.size() && node != kNoNode; ++i)
      node = child(node, static_cast<unsigned char>(bytes[i]));
    return node;
  }
  /// Returns the token that ends at `node`, or kNoToken.
  TokenId token(Node node) const { return slots_[node].info >> 9; }

 private:
  static constexpr std::uint32_t kTaken = 0x100;
  // The first slots after the root stay free: that is where nodes without children look for some.
  static constexpr std::uint32_t kLeafBase = 1, kFirstUsed = 257;
  struct Slot {
    std::uint32_t base = kLeafBase;
    std::uint32_t info = kNoToken << 9;  // the token, whether it is taken, and the byte that leads to it
  };
  class Builder;
  std::vector<Slot> slots_ = std::vector<Slot>(kFirstUsed);
};

}  // namespace lm
