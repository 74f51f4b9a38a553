#include "train/moment_desk.h"

#include <algorithm>

#include "base/error.h"

namespace lm {

void MomentDesk::follow(const std::function<bool()>& own_finite) {
  while (from_first(ranks_, Command::release) == Command::answer) {
    first_rank_that(ranks_, !own_finite());
    answer();
  }
}

void MomentDesk::release() { from_first(ranks_, Command::release); }

void MomentDesk::answer() {
  for (;;) {
    Question question;
    ranks_.exchange(0, {}, bytes_of(question));
    if (question.size == 0) return;
    const TensorView<float> part = optimizer_.moment(question.which).part(question.tensor, question.first, question.size);
    ranks_.exchange(0, std::as_bytes(std::span(part.data(), static_cast<std::size_t>(part.size()))), {});
  }
}

MomentDesk::Reading::Reading(MomentDesk& desk, bool own_finite) : desk_(desk), all_finite_(own_finite) {
  if (desk.ranks_.size() == 1) return;
  from_first(desk.ranks_, Command::answer);
  all_finite_ = !first_rank_that(desk.ranks_, !own_finite);
}

MomentDesk::Reading::~Reading() {
  Question none;
  try {
    for (int rank = 1; rank < desk_.ranks_.size(); ++rank) desk_.ranks_.exchange(rank, bytes_of(none), {});
  } catch (const RankLost&) {
    // Whoever waits for that rank next learns it.
  }
}

void MomentDesk::Reading::read(Moment which, std::size_t tensor, std::int64_t first, std::span<float> out) const {
  const Shards& shards = desk_.optimizer_.shards();
  const std::int64_t end = first + std::ssize(out);
  for (const UpdateUnit& unit : shards.units_of(tensor)) {
    const std::int64_t from = std::max(first, unit.first), until = std::min(end, unit.first + unit.size);
    if (from >= until) continue;
    const auto part = out.subspan(static_cast<std::size_t>(from - first), static_cast<std::size_t>(until - from));
    const int shard = shards.shard_of(static_cast<std::size_t>(&unit - shards.units().data()));
    const int rank = rank_of_shard(shard, shards.count());
    if (rank == 0) {
      std::copy_n(desk_.optimizer_.moment(which).part(tensor, from, until - from).data(), until - from, part.data());
      continue;
    }
    Question question{.which = which, .tensor = tensor, .first = from, .size = until - from};
    desk_.ranks_.exchange(rank, bytes_of(question), {});
    desk_.ranks_.exchange(rank, {}, std::as_writable_bytes(part));
  }
}

}  // namespace lm
