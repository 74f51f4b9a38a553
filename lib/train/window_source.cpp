#include "train/window_source.h"

#include <utility>

#include "base/error.h"
#include "base/rng.h"

namespace lm {

namespace {

void note(SourceCounts& counts, const Example& example) {
  counts.untransformed += example.untransformed;
  counts.token_cuts += example.token_cuts;
}

void add_counts(SourceCounts& total, const SourceCounts& more) {
  total.untransformed += more.untransformed;
  total.token_cuts += more.token_cuts;
}

}  // namespace

WindowSource::WindowSource(std::vector<ExampleSource> sources, std::vector<double> shares, std::int64_t context_length,
                           std::uint64_t seed)
    : sources_(std::move(sources)), shares_(std::move(shares)), context_length_(context_length), seed_(seed) {
  LM_CHECK(!sources_.empty() && sources_.size() == shares_.size());
  position_.objectives.resize(sources_.size());
  seen_.resize(sources_.size());
}

/// Notes the example before the current position. Throws NoTargets if it ends an epoch without a target.
void WindowSource::watch(std::size_t number, const Example& example) {
  Seen& seen = seen_[number];
  const DataPosition& position = position_.objectives[number];
  if (position.index == 1) {
    seen.epoch_began = true;
    seen.epoch_targets = false;
  }
  const bool has_target = lm::has_target(example);
  seen.examples = true;
  seen.targets = seen.targets || has_target;
  seen.epoch_targets = seen.epoch_targets || has_target;
  const bool whole_epoch = seen.epoch_began && position.index == sources_[number].count(position.epoch);
  if (whole_epoch && !seen.epoch_targets) refuse_without_targets(sources_[number].objective().name());
}

std::size_t WindowSource::draw_objective() const {
  if (sources_.size() == 1) return 0;
  double draw = Rng(seed_, RngPurpose::mixture, static_cast<std::uint64_t>(position_.drawn)).uniform();
  for (std::size_t number = 0; number + 1 < sources_.size(); ++number) {
    if (draw < shares_[number]) return number;
    draw -= shares_[number];
  }
  return sources_.size() - 1;
}

void WindowSource::next(Batch& batch, std::int64_t sequences) {
  begin_batch(batch, context_length_);
  counts_ = {};
  for (std::int64_t i = 0; i < sequences; ++i) {
    const std::size_t number = draw_objective();
    const Example example = sources_[number].next(position_.objectives[number]);
    append_example(batch, example, static_cast<std::int64_t>(number));
    note(counts_, example);
    watch(number, example);
    position_.drawn += 1;
  }
}

void WindowSource::count(SourceCounts& counts) const { add_counts(counts, counts_); }

void WindowSource::seek(const SourcePosition& position) {
  if (position.objectives.size() != sources_.size())
    throw Error("the training state's position in the data does not belong to this mixture");
  position_ = position;
}

StreamSource::StreamSource(TokenReader& reader, const Objective& objective, std::uint64_t seed, std::int64_t context_length,
                           Check check)
    : objective_(objective),
      check_(std::move(check)),
      seed_(seed),
      context_length_(context_length),
      windows_(reader, objective.window_length(), objective.window_stride()),
      tokens_(static_cast<std::size_t>(objective.window_length())),
      valid_(tokens_.size()),
      stride_(objective.window_stride()) {
  LM_CHECK(objective.window_kind() == WindowKind::strided);
}

std::string StreamSource::consumed() const { return to_hex(hasher_.digest128()); }

bool StreamSource::read_window() {
  if (!windows_.next(tokens_, valid_)) return false;
  if (check_) check_(tokens_);
  // Windows overlap: what lies beyond the stride is hashed with the next one.
  hasher_.update(tokens_.data(), static_cast<std::size_t>(stride_) * sizeof(TokenId));
  return true;
}

void StreamSource::next(Batch& batch, std::int64_t sequences) {
  begin_batch(batch, context_length_);
  counts_ = {};
  DataPosition& place = position_.objectives.front();
  for (std::int64_t i = 0; i < sequences && read_window(); ++i) {
    const Example example = make_example(objective_, tokens_, valid_, seed_, 0, place);
    append_example(batch, example, 0);
    note(counts_, example);
    place.index += 1;
    position_.drawn += 1;
  }
}

void StreamSource::count(SourceCounts& counts) const { add_counts(counts, counts_); }

void StreamSource::seek(const SourcePosition& position) {
  LM_CHECK(position.objectives.size() == 1);
  DataPosition& place = position_.objectives.front();
  const DataPosition& wanted = position.objectives.front();
  LM_CHECK(wanted.epoch == 0 && wanted.index >= place.index);
  for (; place.index < wanted.index; place.index += 1) {
    if (!read_window()) throw Error("the stream ends before the place where training stopped; give the same data again");
  }
  position_.drawn = position.drawn;
}

}  // namespace lm
