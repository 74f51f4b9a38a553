#include "train/example_source.h"

#include <algorithm>

#include "base/error.h"
#include "base/rng.h"

namespace lm {

namespace {

Rng example_rng(std::uint64_t seed, std::int64_t number, const DataPosition& position) {
  // A key of its own for each objective and epoch, mixed so that none meets another's.
  const std::uint64_t place = static_cast<std::uint64_t>(position.epoch) << 8 | static_cast<std::uint64_t>(number);
  return Rng(seed ^ rng_key(place, RngPurpose::mixture), RngPurpose::objective, static_cast<std::uint64_t>(position.index));
}

}  // namespace

ExampleSource::ExampleSource(const TokenCorpus& corpus, std::unique_ptr<Objective> objective, std::int64_t context_length,
                             std::uint64_t seed, WindowOrder order, std::int64_t number)
    : objective_(std::move(objective)), seed_(seed), number_(number) {
  if (corpus.size() == 0) throw Error("the data has no token");
  if (objective_->window_kind() == WindowKind::pieces) {
    const std::int64_t overhead = objective_->piece_overhead();
    piece_windows_.emplace(corpus, PieceOptions{.places = context_length + 1,
                                                .piece_length = context_length - overhead,
                                                .overhead = overhead,
                                                .seed = seed,
                                                .order = order});
    return;
  }
  windows_.emplace(
      corpus,
      WindowOptions{
          .length = objective_->window_length(), .stride = objective_->window_stride(), .seed = seed, .order = order});
  tokens_.resize(static_cast<std::size_t>(objective_->window_length()));
  valid_.resize(tokens_.size());
}

std::int64_t ExampleSource::count(std::int64_t epoch) const {
  return windows_ ? windows_->count(epoch) : piece_windows_->count();
}

void ExampleSource::skip(DataPosition& position) const {
  if (position.index >= count(position.epoch)) position = {.epoch = position.epoch + 1, .index = 0};
  ++position.index;
}

Example ExampleSource::next(DataPosition& position) {
  skip(position);
  const DataPosition here{.epoch = position.epoch, .index = position.index - 1};
  if (windows_) {
    windows_->window(here.epoch, here.index, tokens_, valid_);
    return make_example(*objective_, tokens_, valid_, seed_, number_, here);
  }
  piece_windows_->window(here.epoch, here.index, tokens_, pieces_);
  Rng rng = example_rng(seed_, number_, here);
  return objective_->make(
      {.tokens = tokens_, .first_valid = 0, .end_valid = static_cast<std::int64_t>(tokens_.size()), .pieces = pieces_}, rng);
}

Example make_example(const Objective& objective, std::span<const TokenId> tokens, std::span<const std::uint8_t> valid,
                     std::uint64_t seed, std::int64_t number, const DataPosition& position) {
  WindowTokens window{.tokens = tokens};
  const auto first = std::find(valid.begin(), valid.end(), 1);
  window.first_valid = first - valid.begin();
  window.end_valid = std::find(first, valid.end(), 0) - valid.begin();
  Rng rng = example_rng(seed, number, position);
  return objective.make(window, rng);
}

bool has_target(const Example& example) {
  return std::any_of(example.weight.begin(), example.weight.end(), [](float weight) { return weight > 0; });
}

void refuse_without_targets(const std::string& objective) {
  throw NoTargets("no example of the data has a target for objective '" + objective +
                  "': its documents are too short, or nothing but end-of-text; give more text, or another --objective");
}

void begin_batch(Batch& batch, std::int64_t length) {
  batch.sequences = 0;
  batch.length = length;
  batch.input.clear();
  batch.target.clear();
  batch.weight.clear();
  batch.prefix_length.clear();
  batch.document.clear();
  batch.objective.clear();
}

void append_example(Batch& batch, const Example& example, std::int64_t objective_number) {
  const auto length = static_cast<std::size_t>(batch.length);
  LM_CHECK(example.input.size() == length && example.target.size() == length && example.weight.size() == length);
  batch.input.insert(batch.input.end(), example.input.begin(), example.input.end());
  batch.target.insert(batch.target.end(), example.target.begin(), example.target.end());
  batch.weight.insert(batch.weight.end(), example.weight.begin(), example.weight.end());
  batch.objective.push_back(static_cast<std::int32_t>(objective_number));
  // Arrays that no sequence needs stay empty; the first that does fills in for those before it.
  if (example.prefix_length != 0 && batch.prefix_length.empty()) {
    batch.prefix_length.assign(static_cast<std::size_t>(batch.sequences), 0);
  }
  if (!example.document.empty() && batch.document.empty()) {
    batch.document.assign(static_cast<std::size_t>(batch.sequences) * length, 0);
  }
  batch.sequences += 1;
  if (example.prefix_length != 0 || !batch.prefix_length.empty()) batch.prefix_length.push_back(example.prefix_length);
  if (!example.document.empty()) {
    batch.document.insert(batch.document.end(), example.document.begin(), example.document.end());
  } else if (!batch.document.empty()) {
    batch.document.insert(batch.document.end(), length, 0);
  }
}

}  // namespace lm
