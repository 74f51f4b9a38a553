#include "text/special_matcher.h"

#include <cstring>

namespace lm {

const std::uint32_t* SpecialMatcher::Node::child(char byte) const {
  for (const auto& [first, node] : children) {
    if (first == byte) return &node;
  }
  return nullptr;
}

void SpecialMatcher::add(std::string_view spelling, TokenId id) {
  std::uint32_t node = 0;
  starts_[static_cast<unsigned char>(spelling[0])] = true;
  for (const char byte : spelling) {
    if (const std::uint32_t* next = nodes_[node].child(byte)) {
      node = *next;
      continue;
    }
    const auto fresh = static_cast<std::uint32_t>(nodes_.size());
    nodes_[node].children.emplace_back(byte, fresh);
    nodes_.emplace_back();
    node = fresh;
  }
  if (nodes_[node].id == kNoToken) nodes_[node].id = id;
}

std::size_t SpecialMatcher::next_candidate(std::string_view text, std::size_t from) const {
  if (nodes_[0].children.empty()) return text.size();
  if (nodes_[0].children.size() == 1) {
    const void* place =
        from < text.size() ? std::memchr(text.data() + from, nodes_[0].children[0].first, text.size() - from) : nullptr;
    return place == nullptr ? text.size() : static_cast<std::size_t>(static_cast<const char*>(place) - text.data());
  }
  while (from < text.size() && !starts_[static_cast<unsigned char>(text[from])]) ++from;
  return from;
}

SpecialMatcher::Match SpecialMatcher::find(std::string_view text, std::size_t from, bool final) const {
  for (std::size_t start = next_candidate(text, from); start < text.size(); start = next_candidate(text, start + 1)) {
    Match match;
    std::uint32_t node = 0;
    std::size_t at = start;
    while (at < text.size()) {
      const std::uint32_t* next = nodes_[node].child(text[at]);
      if (next == nullptr) break;
      node = *next;
      ++at;
      if (nodes_[node].id != kNoToken) match = {Match::Kind::found, start, at - start, nodes_[node].id};
    }
    if (at == text.size() && !final && !nodes_[node].children.empty()) return {Match::Kind::undecided, start, 0, 0};
    if (match.kind == Match::Kind::found) return match;
  }
  return {};
}

}  // namespace lm
