#include "train/window_source.h"

#include <exception>
#include <utility>

#include "base/error.h"
#include "base/rng.h"

namespace lm {

namespace {

void note(SourceCounts& counts, const Example& example) {
  counts.untransformed += example.untransformed;
  counts.token_cuts += example.token_cuts;
}

}  // namespace

WindowSource::WindowSource(std::vector<ExampleSource> sources, std::vector<double> shares, std::int64_t context_length,
                           std::uint64_t seed)
    : sources_(std::move(sources)), shares_(std::move(shares)), context_length_(context_length), seed_(seed) {
  LM_CHECK(!sources_.empty() && sources_.size() == shares_.size());
  position_.objectives.resize(sources_.size());
  seen_.resize(sources_.size());
}

/// Notes an example. Throws NoTargets if it ends an epoch without a target.
void WindowSource::watch(const Drawn& drawn, bool has_target) {
  Seen& seen = seen_[drawn.number];
  const DataPosition& position = drawn.after;
  if (position.index == 1) {
    seen.epoch_began = true;
    seen.epoch_targets = false;
  }
  seen.examples = true;
  seen.targets = seen.targets || has_target;
  seen.epoch_targets = seen.epoch_targets || has_target;
  const ExampleSource& source = sources_[drawn.number];
  const bool whole_epoch = seen.epoch_began && position.index == source.count(position.epoch);
  if (whole_epoch && !seen.epoch_targets) refuse_without_targets(source.objective().name());
}

void WindowSource::watch(std::span<const double> weights) {
  LM_CHECK(weights.size() == drawn_.size());
  for (std::size_t i = 0; i < weights.size(); ++i) watch(drawn_[i], weights[i] > 0);
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

std::int64_t WindowSource::draw(Batch& batch, std::int64_t sequences, SequenceRange own) {
  begin_batch(batch, context_length_);
  counts_ = {};
  drawn_.clear();
  for (std::int64_t i = 0; i < sequences; ++i) {
    const std::size_t number = draw_objective();
    DataPosition& place = position_.objectives[number];
    if (i < own.first || i >= own.first + own.count) {
      sources_[number].skip(place);
    } else {
      const Example example = sources_[number].next(place);
      append_example(batch, example, static_cast<std::int64_t>(number));
      note(counts_, example);
    }
    drawn_.push_back({.number = number, .after = place});
    position_.drawn += 1;
  }
  return sequences;
}

void WindowSource::next(Batch& batch, std::int64_t sequences) {
  draw(batch, sequences, {.first = 0, .count = sequences});
  watch(sequence_weights(batch));
}

void WindowSource::count(SourceCounts& counts) const { add_counts(counts, counts_); }

void WindowSource::seek(const SourcePosition& position) {
  if (position.objectives.size() != sources_.size())
    throw Error("the training state's position in the data does not belong to this mixture");
  position_ = position;
}

StreamSource::StreamSource(TokenReader* reader, const Objective& objective, std::uint64_t seed, std::int64_t context_length,
                           Check check, Ranks* ranks)
    : objective_(objective),
      check_(std::move(check)),
      ranks_(ranks),
      seed_(seed),
      context_length_(context_length),
      tokens_(static_cast<std::size_t>(objective.window_length())),
      valid_(tokens_.size()),
      stride_(objective.window_stride()) {
  LM_CHECK(objective.window_kind() == WindowKind::strided);
  if (reader != nullptr) windows_.emplace(*reader, objective.window_length(), objective.window_stride());
}

std::string StreamSource::consumed() const { return to_hex(hasher_.digest128()); }

bool StreamSource::read_window() {
  if (!deal_window()) return false;
  // Windows overlap: what lies beyond the stride is hashed with the next one.
  hasher_.update(tokens_.data(), static_cast<std::size_t>(stride_) * sizeof(TokenId));
  return true;
}

/// Fills in the next window; false after the last one. What rank 0 fails at, all ranks fail at.
bool StreamSource::deal_window() {
  enum class Outcome : std::int32_t { window, end, failure };
  Outcome outcome = Outcome::failure;
  std::exception_ptr failure;
  if (windows_) {
    try {
      outcome = windows_->next(tokens_, valid_) ? Outcome::window : Outcome::end;
      if (outcome == Outcome::window && check_) check_(tokens_);
    } catch (const Error&) {
      outcome = Outcome::failure;
      failure = std::current_exception();
    }
  }
  if (ranks_ != nullptr) outcome = from_first(*ranks_, outcome);
  if (failure) std::rethrow_exception(failure);
  if (outcome == Outcome::failure) throw Error("rank 0 could not read the stream");
  if (ranks_ != nullptr && outcome == Outcome::window) {
    ranks_->broadcast(std::as_writable_bytes(std::span(tokens_)));
    ranks_->broadcast(std::as_writable_bytes(std::span(valid_)));
  }
  return outcome == Outcome::window;
}

std::int64_t StreamSource::draw(Batch& batch, std::int64_t sequences, SequenceRange own) {
  begin_batch(batch, context_length_);
  counts_ = {};
  DataPosition& place = position_.objectives.front();
  std::int64_t drawn = 0;
  for (; drawn < sequences && read_window(); ++drawn) {
    if (drawn >= own.first && drawn < own.first + own.count) {
      const Example example = make_example(objective_, tokens_, valid_, seed_, 0, place);
      append_example(batch, example, 0);
      note(counts_, example);
    }
    place.index += 1;
    position_.drawn += 1;
  }
  return drawn;
}

void StreamSource::next(Batch& batch, std::int64_t sequences) { draw(batch, sequences, {.first = 0, .count = sequences}); }

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
