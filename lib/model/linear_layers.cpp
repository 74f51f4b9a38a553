#include "model/linear_layers.h"

#include <type_traits>

#include "base/error.h"
#include "model/decoding_weights.h"

namespace lm {

template <class T>
template <class Visit>
void LinearLayers<T>::visit(Visit&& visit) {
  for (LayerLinears<T>& layer : layers) {
    for (LinearWeight<T>* linear : {&layer.qkv, &layer.projection, &layer.up, &layer.down}) visit(*linear);
  }
  visit(head);
}

template <class T>
LinearLayers<T>::LinearLayers(const Parameters<T>& weights, Precision precision, Unallocated)
    : head(weights.head), precision_(precision) {
  LM_CHECK(precision == Precision::fp32 || (std::is_same_v<T, float>));
  for (const LayerParameters<T>& w : weights.layers)
    layers.push_back({.qkv = w.qkv, .projection = w.projection, .up = w.up, .down = w.down});
  if constexpr (std::is_same_v<T, float>) {
    if (weights.packed != nullptr) use_packed(*weights.packed);
  }
}

template <class T>
void LinearLayers<T>::use_packed(const DecodingWeights& packed) {
  LM_CHECK(precision_ == Precision::fp32);
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const PackedLayer& matrices = packed.layer(static_cast<std::int64_t>(i));
    layers[i].qkv.packed = matrices.qkv;
    layers[i].projection.packed = {&matrices.projection, 1};
    layers[i].up.packed = matrices.up;
    layers[i].down.packed = {&matrices.down, 1};
  }
  head.packed = {&packed.head(), 1};
}

template <class T>
void LinearLayers<T>::lay_out_copies(Layout& layout) {
  visit([&](LinearWeight<T>& linear) {
    const std::int64_t size = half_weight_size(precision_, linear.matrix.rows(), linear.matrix.columns());
    linear.half.precision = precision_;
    linear.half.across = layout.take<std::uint16_t>(size);
    linear.half.along = layout.take<std::uint16_t>(size);
  });
}

template <class T>
LinearLayers<T>::LinearLayers(const Parameters<T>& weights, Precision precision)
    : LinearLayers(weights, precision, Unallocated()) {
  if (precision == Precision::fp32) return;
  copies_ = place_views<std::uint16_t>([&](Layout& layout) { lay_out_copies(layout); });
}

template <class T>
std::int64_t LinearLayers<T>::bytes(const ModelConfig& config, Precision precision) {
  if (precision == Precision::fp32) return 0;
  LinearLayers layers(Parameters<T>::shapes(config), precision, Unallocated());
  return view_bytes([&](Layout& layout) { layers.lay_out_copies(layout); });
}

template <class T>
void LinearLayers<T>::refresh(Compute& compute) {
  if constexpr (std::is_same_v<T, float>) {
    visit([&](LinearWeight<T>& linear) { round_weight(compute, linear); });
  }
}

template class LinearLayers<float>;
template class LinearLayers<double>;

}  // namespace lm
