// DecodeStep: one step of generating text: a few tokens pass through all layers in one run of the pool's threads.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/token.h"
#include "kernels/compute.h"
#include "model/decoding_weights.h"
#include "model/kv_cache.h"
#include "model/rotary_tables.h"
#include "tensor/arena.h"
#include "tensor/view.h"

namespace lm {

/// Tokens, at least one, that continue the sequence in a cache.
struct Continuation {
  KVCache* cache;
  std::span<const TokenId> tokens;
};

/// Every thread is a member of a team and computes its part of each product; what lies between products each computes for itself,
/// so that they meet only where one reads what the others wrote: five times a layer. A row's bits depend on its sequence only, not
/// on the other rows, nor on the number of threads: products are those of kernels/packed.h, and each query attends by itself.
class DecodeStep {
 public:
  /// Rows of one step at the most.
  static constexpr std::int64_t kMostRows = 16;
  /// Compute and weights outlive it.
  DecodeStep(Compute& compute, const DecodingWeights& weights);
  ~DecodeStep();

  /// Reads the tokens, which fit their caches, and adds them to these. logits: (rows, V), those after each token, in order;
  /// rotary: for positions up to those of the tokens.
  void run(std::span<const Continuation> inputs, const RotaryTables<float>& rotary, TensorView<float> logits);

 private:
  struct Shared;
  struct Own;
  struct Row;
  struct Member;
  void lay_out(Layout& layout, std::int64_t rows);
  void collect(std::span<const Continuation> inputs);
  Compute& compute_;
  const DecodingWeights& weights_;
  std::vector<std::unique_ptr<Compute>> own_compute_;  // of each member, on its thread
  Arena<float> memory_;
  // Of the step that runs.
  std::vector<Row> rows_;
  std::vector<KVCache::Slots> slots_;  // of each layer and sequence
  std::int64_t sequences_ = 0;
};

}  // namespace lm
