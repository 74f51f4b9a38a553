#include "text/normalize/graphemes.h"

#include "base/utf8.h"

namespace lm {

namespace {

Cluster cluster_of(std::uint32_t point) {
  static const NormalizeTable<std::uint8_t> table = [] {
    NormalizeTable<std::uint8_t> classes;
    for (const GraphemeRange& range : grapheme_ranges()) {
      classes.set(range.first, range.last, static_cast<std::uint8_t>(range.cluster));
    }
    for (std::uint32_t point = 0xAC00; point <= 0xD7A3; ++point) {
      classes.set(point, point, static_cast<std::uint8_t>((point - 0xAC00) % 28 == 0 ? Cluster::lv : Cluster::lvt));
    }
    return classes;
  }();
  return point == kInvalidCodePoint ? Cluster::control : static_cast<Cluster>(table.of(point));
}

bool is_extender(Cluster cluster) {
  return cluster == Cluster::extend || cluster == Cluster::extend_outside || cluster == Cluster::linker ||
         cluster == Cluster::joiner;
}

/// What came before in a cluster, as far as the rules look back.
struct ClusterState {
  bool pictograph = false;  // a pictograph and what extends it
  bool pictograph_joined = false;
  bool consonant = false;  // an Indic consonant and what extends it
  bool consonant_linked = false;
  bool regional_odd = false;

  void take(Cluster cluster) {
    pictograph_joined = pictograph && cluster == Cluster::joiner;
    pictograph = cluster == Cluster::pictograph || (pictograph && is_extender(cluster) && cluster != Cluster::joiner);
    if (cluster == Cluster::consonant) {
      consonant = true;
      consonant_linked = false;
    } else if (consonant && is_extender(cluster) && cluster != Cluster::extend_outside) {
      consonant_linked = consonant_linked || cluster == Cluster::linker;
    } else {
      consonant = consonant_linked = false;
    }
    regional_odd = cluster == Cluster::regional && !regional_odd;
  }
};

bool continues(Cluster before, Cluster cluster, const ClusterState& state) {
  if (before == Cluster::control || cluster == Cluster::control) return false;
  if (is_extender(cluster) || cluster == Cluster::spacing_mark || before == Cluster::prepend) return true;
  switch (cluster) {
    case Cluster::l:
    case Cluster::lv:
    case Cluster::lvt:
      return before == Cluster::l;
    case Cluster::v:
      return before == Cluster::l || before == Cluster::v || before == Cluster::lv;
    case Cluster::t:
      return before == Cluster::v || before == Cluster::t || before == Cluster::lv || before == Cluster::lvt;
    case Cluster::consonant:
      return state.consonant_linked;
    case Cluster::pictograph:
      return state.pictograph_joined;
    case Cluster::regional:
      return state.regional_odd;
    default:
      return false;
  }
}

}  // namespace

const char* cluster_end(const char* at, const char* end) {
  const DecodedChar first = decode_utf8(at, end);
  at += first.length;
  if (first.code_point == '\r') return at < end && *at == '\n' ? at + 1 : at;
  Cluster before = cluster_of(first.code_point);
  ClusterState state;
  state.take(before);
  while (at < end) {
    const DecodedChar next = decode_utf8(at, end);
    const Cluster cluster = cluster_of(next.code_point);
    if (!continues(before, cluster, state)) return at;
    state.take(cluster);
    before = cluster;
    at += next.length;
  }
  return at;
}

}  // namespace lm
