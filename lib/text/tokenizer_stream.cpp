#include <algorithm>

#include "text/segment_encoder.h"
#include "text/tokenizer.h"
#include "text/uncut_text.h"

namespace lm {

namespace {
constexpr std::size_t kBlock = std::size_t{64} << 10;  // bytes gathered before the first look at them
}

struct StreamEncoder::State {
  SegmentEncoder encoder;
  std::string held;             // bytes not encoded yet
  std::size_t enough = kBlock;  // when to look at them again: doubled if they were undecided, so that work stays linear
  std::uint64_t encoded = 0;    // bytes of the document before `held`
};

StreamEncoder::StreamEncoder(const Tokenizer& tokenizer, SpecialTokens special)
    : state_(new State{.encoder = SegmentEncoder(tokenizer.tables(), special, PieceEncoder::Cache::used), .held = {}}) {}
StreamEncoder::StreamEncoder(StreamEncoder&&) noexcept = default;
StreamEncoder::~StreamEncoder() = default;

void StreamEncoder::feed(std::string_view bytes, std::vector<TokenId>& ids) {
  state_->held += bytes;
  if (state_->held.size() < state_->enough) return;
  const std::size_t done = state_->encoder.encode(state_->held, SegmentEncoder::End::open, state_->encoded, ids);
  state_->held.erase(0, done);
  state_->encoded += done;
  refuse_uncut(state_->held.size());
  state_->enough = std::max(kBlock, next_look(state_->held.size()));
}

void StreamEncoder::finish(std::vector<TokenId>& ids) {
  state_->encoder.encode(state_->held, SegmentEncoder::End::final, state_->encoded, ids);
  state_->held.clear();
  if (state_->held.capacity() > 16 * kBlock) state_->held = {};
  state_->enough = kBlock;
  state_->encoded = 0;
}

std::uint64_t StreamEncoder::unknown_bytes() const { return state_->encoder.unknown_bytes(); }

}  // namespace lm
