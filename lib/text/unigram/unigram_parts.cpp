// Text in parts whose ids are known: what SentencePiece's sums in float can decide, and what they cannot.
#include <array>
#include <cmath>
#include <limits>

#include "base/utf8.h"
#include "text/unigram/unigram.h"

namespace lm {

namespace {

constexpr std::size_t kMostBytes = 64;  // of a part that is looked at
constexpr double kMostInside = 128;     // of the sums inside a part
constexpr double kMostBefore = 99000;   // of the sum of floats before and behind one: with kMostInside below the threshold
constexpr double kMostRounding =
    1.0 / 256;  // at least half of the last bit of a float below 2^17, and of a double below 2^45
constexpr double kMostDouble = 0x1p44;

}  // namespace

bool Unigram::parts_at(std::string_view space) const {
  if (space.empty() || options_.flavor == UnigramOptions::Flavor::hugging_face) return false;
  for (TokenId id = 0; id < tokens_.size(); ++id) {
    const std::string_view token = tokens_[id];
    for (std::size_t at = token.find(space); at != std::string_view::npos; at = token.find(space, at + 1)) {
      if (at > 0 && !token.substr(0, at).ends_with(space)) return false;
    }
  }
  return true;
}

void UnigramEncoder::begin_text() { go_to({}); }

void UnigramEncoder::go_to(Place place) {
  part_score_ = place.score;
  previous_unk_ = place.previous_unk;
}

void UnigramEncoder::encode_part(std::string_view part, std::vector<TokenId>& ids) {
  if (part.empty()) return;
  unknown_from_.reset();
  part_score_ = model_.options_.flavor == UnigramOptions::Flavor::sentencepiece
                    ? search(part, float_nodes_, static_cast<float>(part_score_), ids)
                    : search(part, double_nodes_, part_score_, ids);
}

bool UnigramEncoder::skip(const TokenId* begin, const TokenId* end) {
  if (begin == end) return true;
  previous_unk_ = false;
  double farthest = std::abs(part_score_), most = kMostDouble;
  if (model_.options_.flavor == UnigramOptions::Flavor::sentencepiece) {
    most = kMostBefore;
    auto score = static_cast<float>(part_score_);
    for (; begin != end; ++begin) {
      score += model_.float_scores_[*begin];
      farthest = std::max(farthest, double{std::abs(score)});
    }
    part_score_ = score;
  } else {
    for (; begin != end; ++begin) part_score_ += model_.scores_[*begin];
    farthest = std::max(farthest, std::abs(part_score_));
  }
  return farthest <= most;
}

// Viterbi's algorithm with the second best way to each place. A sum of floats differs from that of the numbers by at most kMostRounding for
// each addend, and there are no more than characters. So the best of two ways is the same with floats if it leads by more than what both
// sums can differ.
bool UnigramEncoder::is_decided(std::string_view part) {
  struct Way {
    double best = -std::numeric_limits<double>::infinity(), second = best;
    std::size_t start = 0;
    bool is_known = false;
  };
  if (part.size() > kMostBytes) return false;
  std::array<Way, kMostBytes + 1> ways;
  ways[0].best = 0;
  const bool is_float = model_.options_.flavor == UnigramOptions::Flavor::sentencepiece;
  const char* const end = part.data() + part.size();
  double characters = 0;
  for (std::size_t at = 0; at < part.size(); ++characters) {
    const double so_far = ways[at].best;
    if (!(std::abs(so_far) <= kMostInside)) return false;
    const auto offer = [&](std::size_t length, double score, bool is_known) {
      Way& way = ways[at + length];
      const double sum = so_far + score;
      way.second = std::max(way.second, std::min(way.best, sum));
      if (sum > way.best) {
        way.best = sum;
        way.start = at;
        way.is_known = is_known;
      }
    };
    const std::size_t character = decode_utf8(part.data() + at, end).length;
    bool has_single = false;
    PrefixTrie::Node node = PrefixTrie::kRoot;
    for (std::size_t i = at; i < part.size(); ++i) {
      node = model_.trie_.child(node, static_cast<unsigned char>(part[i]));
      if (node == PrefixTrie::kNoNode) break;
      const TokenId id = model_.trie_.token(node);
      if (id == PrefixTrie::kNoToken) continue;
      has_single |= i + 1 - at == character;
      offer(i + 1 - at, is_float ? double{model_.float_scores_[id]} : model_.scores_[id], id != model_.options_.unk);
    }
    if (!has_single) offer(character, is_float ? double{model_.unknown_float_} : model_.unknown_score_, false);
    at += character;
  }
  for (std::size_t at = part.size(); at > 0; at = ways[at].start) {
    const Way& way = ways[at];
    if (!way.is_known || !(way.best - way.second > 3 * kMostRounding * characters)) return false;
  }
  return std::abs(ways[part.size()].best) <= kMostInside;
}

}  // namespace lm
