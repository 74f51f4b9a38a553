#include "model/linear_layers.h"

#include <type_traits>

namespace lm {

namespace {

std::int64_t copy_size(Precision precision, std::int64_t outputs, std::int64_t inputs) {
  return aligned_size<std::uint16_t>(half_weight_size(precision, outputs, inputs));
}

}  // namespace

template <class T>
template <class Visit>
void LinearLayers<T>::visit(Visit&& visit) {
  for (LayerLinears<T>& layer : layers) {
    for (LinearWeight<T>* linear : {&layer.qkv, &layer.projection, &layer.up, &layer.down}) visit(*linear);
  }
  visit(head);
}

template <class T>
LinearLayers<T>::LinearLayers(const Parameters<T>& weights, Precision precision)
    : head(weights.head), precision_(precision) {
  LM_CHECK(precision == Precision::fp32 || (std::is_same_v<T, float>));
  for (const LayerParameters<T>& w : weights.layers)
    layers.push_back({.qkv = w.qkv, .projection = w.projection, .up = w.up, .down = w.down});
  if (precision == Precision::fp32) return;
  copies_ = Arena<std::uint16_t>(bytes(weights.config(), precision) / static_cast<std::int64_t>(sizeof(std::uint16_t)));
  std::uint16_t* next = copies_.data();
  visit([&](LinearWeight<T>& linear) {
    const std::int64_t size = copy_size(precision, linear.matrix.rows(), linear.matrix.columns());
    linear.half = {.precision = precision, .across = next, .along = next + size};
    next += 2 * size;
  });
}

template <class T>
std::int64_t LinearLayers<T>::bytes(const ModelConfig& c, Precision precision) {
  const std::int64_t up_width = c.ffn_dim * (c.activation == Activation::swiglu ? 2 : 1);
  const std::int64_t layer = copy_size(precision, c.qkv_width(), c.channels) +
                             copy_size(precision, c.channels, c.q_width()) + copy_size(precision, up_width, c.channels) +
                             copy_size(precision, c.channels, c.ffn_dim);
  const std::int64_t elements = 2 * (c.n_layers * layer + copy_size(precision, c.vocab_size, c.channels));
  return elements == 0 ? 0 : Arena<std::uint16_t>::bytes(elements);
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
