#include "text/special_matcher.h"

#include <algorithm>
#include <cstring>

namespace lm {

/// Cuts a node behind its first `length` bytes: what follows becomes its only child.
void SpecialMatcher::split(std::uint32_t node, std::uint32_t length) {
  Node rest = nodes_[node];
  rest.begin += length;
  rest.length -= length;
  rest.next = kNone;
  rest.first = bytes_[rest.begin];
  Node& head = nodes_[node];
  head.length = length;
  head.child = static_cast<std::uint32_t>(nodes_.size());
  head.id = kNoToken;
  nodes_.push_back(rest);
}

std::uint32_t SpecialMatcher::child_of(std::uint32_t node, char first) const {
  std::uint32_t child = nodes_[node].child;
  while (child != kNone && nodes_[child].first != first) child = nodes_[child].next;
  return child;
}

void SpecialMatcher::add(std::string_view spelling, TokenId id) {
  std::uint32_t& root = roots_[static_cast<unsigned char>(spelling[0])];
  if (root == kNone) {
    ++starts_;
    last_start_ = spelling[0];
  }
  std::uint32_t parent = kNone;
  for (;;) {
    const std::uint32_t node = parent == kNone ? root : child_of(parent, spelling[0]);
    if (node == kNone) {
      const auto fresh = static_cast<std::uint32_t>(nodes_.size());
      std::uint32_t& first_child = parent == kNone ? root : nodes_[parent].child;
      const Node leaf{.begin = static_cast<std::uint32_t>(bytes_.size()),
                      .length = static_cast<std::uint32_t>(spelling.size()),
                      .next = first_child,
                      .id = id,
                      .first = spelling[0]};
      first_child = fresh;
      bytes_ += spelling;
      nodes_.push_back(leaf);
      return;
    }
    const std::string_view label = std::string_view(bytes_).substr(nodes_[node].begin, nodes_[node].length);
    const auto common = static_cast<std::size_t>(
        std::mismatch(label.begin(), label.end(), spelling.begin(), spelling.end()).first - label.begin());
    if (common < label.size()) split(node, static_cast<std::uint32_t>(common));
    spelling.remove_prefix(common);
    if (spelling.empty()) {
      if (nodes_[node].id == kNoToken) nodes_[node].id = id;
      return;
    }
    parent = node;
  }
}

std::size_t SpecialMatcher::next_candidate(std::string_view text, std::size_t from) const {
  if (starts_ == 0) return text.size();
  if (starts_ == 1) {
    const std::size_t place = text.find(last_start_, from);
    return std::min(place, text.size());
  }
  while (from < text.size() && roots_[static_cast<unsigned char>(text[from])] == kNone) ++from;
  return from;
}

/// Returns the longest match that begins at `start`.
SpecialMatcher::Match SpecialMatcher::match_at(std::string_view text, std::size_t start, bool final) const {
  Match match;
  std::size_t at = start;
  std::uint32_t node = roots_[static_cast<unsigned char>(text[start])];
  while (node != kNone) {
    const Node& here = nodes_[node];
    const std::size_t length = std::min<std::size_t>(here.length, text.size() - at);
    if (std::memcmp(bytes_.data() + here.begin, text.data() + at, length) != 0) return match;
    at += length;
    if (length == here.length && here.id != kNoToken) match = {Match::Kind::found, start, at - start, here.id};
    if (at == text.size()) {
      const bool goes_on = length < here.length || here.child != kNone;
      return goes_on && !final ? Match{Match::Kind::undecided, start, 0, 0} : match;
    }
    node = child_of(node, text[at]);
  }
  return match;
}

SpecialMatcher::Match SpecialMatcher::find(std::string_view text, std::size_t from, bool final) const {
  for (std::size_t start = next_candidate(text, from); start < text.size(); start = next_candidate(text, start + 1)) {
    const Match match = match_at(text, start, final);
    if (match.kind != Match::Kind::none) return match;
  }
  return {};
}

}  // namespace lm
