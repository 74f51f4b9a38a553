#include "text/normalize/precompiled.h"

#include <cstddef>
#include <utility>

#include "text/normalize/characters.h"
#include "text/normalize/graphemes.h"
#include "text/normalize/growth.h"

namespace lm {

Precompiled::Precompiled(CharsMap map) : map_(std::move(map)) {
  for (std::size_t i = 0; i < is_changed_.size(); ++i) {
    const char character = static_cast<char>(i);
    is_changed_[i] = map_.shortest(std::string_view(&character, 1)).has_value();
  }
}

void Precompiled::append(std::string_view text, std::string& out) const {
  constexpr std::size_t kLongestCluster = 5;
  Rewriter rewriter(text, out);
  const std::size_t most = out.size() + growth_limit(text.size());
  const char* at = text.data();
  const char* const end = at + text.size();
  const auto is_ascii = [](char c) { return static_cast<unsigned char>(c) < 0x80; };
  while (at < end) {
    // An ASCII character before another is a cluster, except CR before LF.
    while (end - at >= 2 && is_ascii(at[0]) && is_ascii(at[1]) && at[0] != '\r' &&
           !is_changed_[static_cast<unsigned char>(*at)]) {
      ++at;
    }
    const char* const next = cluster_end(at, end);
    const std::string_view cluster(at, static_cast<std::size_t>(next - at));
    const auto whole = cluster.size() <= kLongestCluster ? map_.shortest(cluster) : std::nullopt;
    if (whole) {
      rewriter.replace(at, next, whole->replacement);
      refuse_growth(out.size(), most);
      at = next;
      continue;
    }
    while (at < next) {
      const std::string_view character(at, decode_utf8(at, next).length);
      if (const auto match = map_.shortest(character)) rewriter.replace(at, at + character.size(), match->replacement);
      at += character.size();
    }
    refuse_growth(out.size(), most);
  }
  rewriter.finish();
}

bool Precompiled::spans_cut(BeforeCut before) const {
  for (std::size_t i = 0; i < is_changed_.size(); ++i) {
    const char character = static_cast<char>(i);
    if (!is_changed_[i] || !is_before_cut(before, character)) continue;
    const std::string_view replaced = map_.shortest(std::string_view(&character, 1))->replacement;
    if (replaced.empty() || !is_before_cut(before, replaced.back())) return true;
  }
  for (const GraphemeRange& range : grapheme_ranges()) {
    if (range.cluster != Cluster::prepend) continue;
    for (std::uint32_t point = range.first; point <= range.last; ++point) {
      std::string spelled;
      append_utf8(spelled, point);
      if (map_.shortest(spelled)) return true;
    }
  }
  return false;
}

}  // namespace lm
