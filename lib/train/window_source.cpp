#include "train/window_source.h"

#include <algorithm>

#include "base/error.h"
#include "base/rng.h"

namespace lm {

ExampleStacker::ExampleStacker(const Objective& objective, std::uint64_t seed, std::int64_t context_length)
    : objective_(objective),
      seed_(seed),
      context_length_(context_length),
      tokens_(static_cast<std::size_t>(objective.window_length())),
      valid_(tokens_.size()) {}

Example ExampleStacker::example(const DataPosition& position) {
  WindowTokens window{.tokens = tokens_};
  const auto first = std::find(valid_.begin(), valid_.end(), 1);
  window.first_valid = first - valid_.begin();
  window.end_valid = std::find(first, valid_.end(), 0) - valid_.begin();
  Rng rng(seed_, RngPurpose::objective,
          static_cast<std::uint64_t>(position.epoch) << 40 ^ static_cast<std::uint64_t>(position.index));
  return objective_.make(window, rng);
}

void ExampleStacker::begin(Batch& batch) const {
  batch.sequences = 0;
  batch.length = context_length_;
  batch.input.clear();
  batch.target.clear();
  batch.weight.clear();
  batch.prefix_length.clear();
  batch.document.clear();
}

void ExampleStacker::append(Batch& batch, const Example& example) const {
  const auto length = static_cast<std::size_t>(context_length_);
  LM_CHECK(example.input.size() == length && example.target.size() == length && example.weight.size() == length);
  batch.input.insert(batch.input.end(), example.input.begin(), example.input.end());
  batch.target.insert(batch.target.end(), example.target.begin(), example.target.end());
  batch.weight.insert(batch.weight.end(), example.weight.begin(), example.weight.end());
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

WindowSource::WindowSource(const Windows& windows, const Objective& objective, std::int64_t context_length)
    : windows_(windows), stacker_(objective, windows.options().seed, context_length) {
  if (windows.corpus().size() == 0) throw Error("the training data has no token");
}

void WindowSource::next(Batch& batch, std::int64_t sequences) {
  stacker_.begin(batch);
  for (std::int64_t i = 0; i < sequences; ++i) {
    windows_.next(position_, stacker_.tokens(), stacker_.valid());
    const DataPosition here{.epoch = position_.epoch, .index = position_.index - 1};
    stacker_.append(batch, stacker_.example(here));
  }
}

StreamSource::StreamSource(TokenReader& reader, const Objective& objective, std::uint64_t seed, std::int64_t context_length)
    : windows_(reader, objective.window_length(), objective.window_stride()),
      stacker_(objective, seed, context_length),
      stride_(objective.window_stride()) {}

std::string StreamSource::consumed() const { return to_hex(hasher_.digest128()); }

bool StreamSource::read_window() {
  try {
    if (!windows_.next(stacker_.tokens(), stacker_.valid())) return false;
  } catch (...) {
    failed_ = true;
    throw;
  }
  // Windows overlap: what lies beyond the stride is hashed with the next one.
  hasher_.update(stacker_.tokens().data(), static_cast<std::size_t>(stride_) * sizeof(TokenId));
  return true;
}

void StreamSource::next(Batch& batch, std::int64_t sequences) {
  stacker_.begin(batch);
  for (std::int64_t i = 0; i < sequences && read_window(); ++i) {
    stacker_.append(batch, stacker_.example(position_));
    position_.index += 1;
  }
}

void StreamSource::seek(const DataPosition& position) {
  LM_CHECK(position.epoch == 0 && position.index >= position_.index);
  for (; position_.index < position.index; position_.index += 1) {
    if (!read_window()) throw Error("the stream ends before the place where training stopped; give the same data again");
  }
}

}  // namespace lm
