// LinearLayers: a model's matrices as products take them, with their 16-bit copies if training has those.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/matmul.h"
#include "model/parameters.h"
#include "tensor/arena.h"
#include "tensor/layout.h"

namespace lm {

template <class T>
struct LayerLinears {
  LinearWeight<T> qkv, projection, up, down;  // shapes as in LayerParameters
};

template <class T>
class LinearLayers {
 public:
  /// Views the weights, which must outlive it, and makes room for copies unless precision is fp32 (the only one for double).
  explicit LinearLayers(const Parameters<T>& weights, Precision precision = Precision::fp32);

  /// Returns the bytes that the copies take.
  static std::int64_t bytes(const ModelConfig& config, Precision precision);
  /// Rounds the weights into the copies: once after each change of the weights.
  void refresh(Compute& compute);
  Precision precision() const { return precision_; }

  std::vector<LayerLinears<T>> layers;
  LinearWeight<T> head;

 private:
  struct Unallocated {};
  LinearLayers(const Parameters<T>& weights, Precision precision, Unallocated);
  void lay_out_copies(Layout& layout);
  void use_packed(const DecodingWeights& packed);
  template <class Visit>
  void visit(Visit&& visit);
  Precision precision_;
  Arena<std::uint16_t> copies_;
};

}  // namespace lm
