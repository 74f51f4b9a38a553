#include "train/rank_sum.h"

#include <algorithm>

#include "base/error.h"
#include "kernels/elementwise.h"

namespace lm {

namespace {

/// Elements of a message: large enough for the network, small enough to add while the cache has it.
constexpr std::int64_t kPiece = std::int64_t{1} << 18;

/// Goes through the elements of spans, a piece at a time.
class SpanCursor {
 public:
  explicit SpanCursor(std::span<const ArenaSpan> spans) : spans_(spans) {
    for (const ArenaSpan& span : spans) left_ += span.size;
  }
  std::int64_t left() const { return left_; }
  /// Calls visit(offset in the arena, offset in the piece, elements) for the next `count` elements.
  template <class Visit>
  void take(std::int64_t count, Visit&& visit) {
    left_ -= count;
    for (std::int64_t done = 0; done < count;) {
      const ArenaSpan& span = spans_[next_];
      const std::int64_t size = std::min(count - done, span.size - inside_);
      visit(span.offset + inside_, done, size);
      done += size;
      inside_ += size;
      if (inside_ < span.size) continue;
      inside_ = 0;
      ++next_;
    }
  }

 private:
  std::span<const ArenaSpan> spans_;
  std::size_t next_ = 0;
  std::int64_t inside_ = 0, left_ = 0;
};

}  // namespace

RankSum::RankSum(Ranks& ranks, const Shards& shards)
    : ranks_(ranks), shards_(shards), shard_(shard_of_rank(ranks.rank(), ranks.size())) {
  LM_CHECK(shards.count() == ranks.size() && is_power_of_two(ranks.size()));
  if (ranks.size() > 1) {
    sent_.resize(static_cast<std::size_t>(kPiece));
    received_.resize(static_cast<std::size_t>(kPiece));
  }
  std::vector<std::int64_t> tiles(static_cast<std::size_t>(ranks.size()));
  for (std::size_t i = 0; i < shards.units().size(); ++i)
    tiles[static_cast<std::size_t>(shards.shard_of(i))] += Shards::tiles_of(shards.units()[i]);
  most_tiles_ = *std::max_element(tiles.begin(), tiles.end());
}

std::int64_t RankSum::bytes(int ranks) { return ranks > 1 ? 2 * kPiece * static_cast<std::int64_t>(sizeof(float)) : 0; }

SentBytes RankSum::sent(const Shards& shards, std::int64_t sequences, std::int64_t micro_batches, std::int64_t objectives) {
  constexpr std::int64_t kNumber = sizeof(double);
  const int count = shards.count();
  SentBytes most;
  for (int rank = 0; rank < count; ++rank) {
    const int shard = shard_of_rank(rank, count);
    SentBytes sent;
    Run run{0, count};
    for (; run.end - run.first > 1;) {
      const bool keeps_lower = shard < run.lower().end;
      const Run given = keeps_lower ? run.upper() : run.lower();
      run = keeps_lower ? run.lower() : run.upper();
      sent.gradients += shards.elements(given.first, given.end) * static_cast<std::int64_t>(sizeof(float));
      sent.weights += shards.elements(run.first, run.end) * static_cast<std::int64_t>(sizeof(float));
    }
    // What is gathered passes through every rank once, at the most.
    sent.rest = count > 1 ? kNumber * (shards.tiles() + sequences + micro_batches * (3 + 2 * objectives)) : 0;
    if (sent.total() > most.total()) most = sent;
  }
  return most;
}

std::vector<ArenaSpan> RankSum::spans(Run run, std::int64_t begin, std::int64_t end) const {
  std::vector<ArenaSpan> spans;
  const auto [first, last] = shards_.units_between(begin, end);
  for (std::size_t i = first; i < last; ++i) {
    if (shards_.shard_of(i) < run.first || shards_.shard_of(i) >= run.end) continue;
    const UpdateUnit& unit = shards_.units()[i];
    if (!spans.empty() && spans.back().offset + spans.back().size == unit.offset) {
      spans.back().size += unit.size;
    } else {
      spans.push_back({.offset = unit.offset, .size = unit.size});
    }
  }
  return spans;
}

void RankSum::exchange(Compute& compute, int partner, const Parameters<float>& parameters, std::span<const ArenaSpan> out,
                       std::span<const ArenaSpan> in, Receive receive) {
  SpanCursor outgoing(out), incoming(in);
  float* const arena = parameters.flat().data();
  while (outgoing.left() > 0 || incoming.left() > 0) {
    const std::int64_t send = std::min(outgoing.left(), kPiece), take = std::min(incoming.left(), kPiece);
    outgoing.take(send, [&](std::int64_t offset, std::int64_t at, std::int64_t size) {
      copy<float>(compute, TensorView<float>(sent_.data() + at, size), TensorView<float>(arena + offset, size));
    });
    ranks_.exchange(partner, std::as_bytes(std::span(sent_.data(), static_cast<std::size_t>(send))),
                    std::as_writable_bytes(std::span(received_.data(), static_cast<std::size_t>(take))));
    incoming.take(take, [&](std::int64_t offset, std::int64_t at, std::int64_t size) {
      const TensorView<float> sum(arena + offset, size), part(received_.data() + at, size);
      if (receive == Receive::add) {
        add<float>(compute, sum, part);
      } else {
        copy<float>(compute, sum, part);
      }
    });
  }
}

// A sum is the lower partner's plus the upper one's; which of them adds does not change its bits. Ranks without a micro-batch,
// the last ones of a step that the end of the data cut short, have no part in it.
void RankSum::add_up(Compute& compute, const Parameters<float>& gradients, std::int64_t begin, std::int64_t end,
                     StepPlan plan) {
  const int rank = ranks_.rank();
  Run run{0, ranks_.size()};
  for (int distance = 1; distance < ranks_.size(); distance *= 2) {
    const auto has_any = [&](int group) { return std::int64_t{group} * distance * plan.per_rank < plan.micro_batches; };
    const int group = rank / distance;
    const bool mine = has_any(group), theirs = has_any(group ^ 1), keeps_lower = (group & 1) == 0;
    const Run given = keeps_lower ? run.upper() : run.lower();
    run = keeps_lower ? run.lower() : run.upper();
    const std::vector<ArenaSpan> out = mine ? spans(given, begin, end) : std::vector<ArenaSpan>();
    const std::vector<ArenaSpan> in = theirs ? spans(run, begin, end) : std::vector<ArenaSpan>();
    exchange(compute, rank ^ distance, gradients, out, in, mine ? Receive::add : Receive::replace);
  }
}

void RankSum::gather(Compute& compute, const Parameters<float>& weights) {
  const int rank = ranks_.rank();
  Run own{shard_, shard_ + 1};
  for (int distance = ranks_.size() / 2; distance >= 1; distance /= 2) {
    const int size = own.end - own.first;
    const bool is_lower = (rank & distance) == 0;
    const Run other = is_lower ? Run{own.end, own.end + size} : Run{own.first - size, own.first};
    exchange(compute, rank ^ distance, weights, spans(own, 0, weights.flat().size()), spans(other, 0, weights.flat().size()),
             Receive::replace);
    own = is_lower ? Run{own.first, other.end} : Run{other.first, own.end};
  }
}

std::vector<double> RankSum::gather_tiles(Compute& compute, const Parameters<float>& gradients) {
  std::vector<double> gathered(static_cast<std::size_t>(most_tiles_ * ranks_.size()));
  std::vector<std::span<const float>> parts;
  for (std::size_t i = 0; i < shards_.units().size(); ++i) {
    if (shards_.shard_of(i) != shard_) continue;
    const UpdateUnit& unit = shards_.units()[i];
    Shards::append_tiles(parts, gradients.flat().data() + unit.offset, unit.size);
  }
  const auto own = std::span(gathered).subspan(static_cast<std::size_t>(most_tiles_ * ranks_.rank()), parts.size());
  sums_of_squares<float>(compute, own, parts);
  ranks_.all_gather(std::as_writable_bytes(std::span(gathered)));

  std::vector<double> tiles(static_cast<std::size_t>(shards_.tiles()));
  std::vector<std::int64_t> next(static_cast<std::size_t>(ranks_.size()));
  for (std::size_t i = 0; i < shards_.units().size(); ++i) {
    const UpdateUnit& unit = shards_.units()[i];
    const int rank = rank_of_shard(shards_.shard_of(i), ranks_.size());
    std::int64_t& place = next[static_cast<std::size_t>(rank)];
    for (std::int64_t tile = 0; tile < Shards::tiles_of(unit); ++tile)
      tiles[static_cast<std::size_t>(unit.tile + tile)] = gathered[static_cast<std::size_t>(most_tiles_ * rank + place++)];
  }
  return tiles;
}

double RankSum::sum_of_squares(Compute& compute, const Parameters<float>& gradients) {
  std::vector<double> tiles = gather_tiles(compute, gradients);
  std::vector<double> tensors;
  for (std::size_t tensor = 0; tensor < gradients.tensors().size(); ++tensor) {
    const std::span<const UpdateUnit> units = shards_.units_of(tensor);
    if (units.empty()) continue;
    const std::int64_t first = units.front().tile, end = units.back().tile + Shards::tiles_of(units.back());
    tensors.push_back(
        tree_sum(std::span(tiles).subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(end - first))));
  }
  return tree_sum(tensors);
}

}  // namespace lm
