// What the kernels' tests share: random tensors, the tiers that this CPU runs, distances, and central differences.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/rng.h"
#include "kernels/compute.h"
#include "support/half_precisions.h"
#include "support/worst.h"
#include "tensor/view.h"

namespace lm::test {

/// A tensor that owns its values, for tests.
template <class T>
struct Tensor {
  std::vector<std::int64_t> shape;
  std::vector<T> values;

  Tensor() = default;
  explicit Tensor(std::vector<std::int64_t> dims) : shape(std::move(dims)) {
    std::int64_t size = 1;
    for (const std::int64_t d : shape) size *= d;
    values.assign(static_cast<std::size_t>(size), T{0});
  }
  /// Returns normal values of a fixed seed.
  static Tensor random(std::vector<std::int64_t> dims, std::uint64_t seed, double deviation = 1, double mean = 0) {
    Tensor tensor(std::move(dims));
    Rng rng(seed, RngPurpose::test);
    for (T& value : tensor.values) value = static_cast<T>(mean + deviation * rng.normal());
    return tensor;
  }
  template <class U>
  Tensor<U> as() const {
    Tensor<U> other(shape);
    std::transform(values.begin(), values.end(), other.values.begin(), [](T value) { return static_cast<U>(value); });
    return other;
  }
  TensorView<T> view() {
    T* data = values.data();
    switch (shape.size()) {
      case 1:
        return {data, shape[0]};
      case 2:
        return {data, shape[0], shape[1]};
      case 3:
        return {data, shape[0], shape[1], shape[2]};
      default:
        return {data, shape[0], shape[1], shape[2], shape[3]};
    }
  }
  TensorView<const T> view() const { return const_cast<Tensor*>(this)->view(); }
  T& operator[](std::int64_t i) { return values[static_cast<std::size_t>(i)]; }
  T operator[](std::int64_t i) const { return values[static_cast<std::size_t>(i)]; }
};

/// Returns the tiers that this CPU runs.
inline std::vector<SimdTier> tiers() { return {simd_tiers().begin(), simd_tiers().end()}; }

/// Returns |a - b| over |b|, both as Euclidean norms.
template <class T>
double distance(const std::vector<T>& a, const std::vector<double>& b) {
  REQUIRE(a.size() == b.size());
  double difference = 0, size = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    difference += (static_cast<double>(a[i]) - b[i]) * (static_cast<double>(a[i]) - b[i]);
    size += b[i] * b[i];
  }
  return size > 0 ? std::sqrt(difference / size) : std::sqrt(difference);
}

/// The bound for float kernels: ten thousand roundings of 2^-24 in random directions stay below it.
inline constexpr double kFloatTolerance = 1e-5;
/// Two orders of summation in double.
inline constexpr double kDoubleTolerance = 1e-12;

/// Returns the fourth-order central difference of f by `value`.
template <class Function>
double central_difference(double& value, Function f, double step = 1e-3) {
  const double start = value;
  const auto at = [&](double offset) {
    value = start + offset;
    return f();
  };
  const double slope = (8 * (at(step) - at(-step)) - (at(2 * step) - at(-2 * step))) / (12 * step);
  value = start;
  return slope;
}

/// Holds an analytic gradient of f to central differences: |a - n| <= 1e-6 max(|a|, |n|, 1e-3 max |a|).
template <class Function>
void check_gradient(const char* name, Tensor<double>& input, const std::vector<double>& analytic, Function f) {
  REQUIRE(input.values.size() == analytic.size());
  double largest = 0;
  for (const double a : analytic) largest = worse(largest, std::abs(a));
  double worst = 0;
  for (std::size_t i = 0; i < analytic.size(); ++i) {
    const double numeric = central_difference(input.values[i], f);
    const double allowed = 1e-6 * std::max({std::abs(analytic[i]), std::abs(numeric), 1e-3 * largest});
    worst = worse(worst, std::abs(analytic[i] - numeric) / std::max(allowed, 1e-300));
  }
  INFO(std::string(name));
  CHECK(worst <= 1);
  CHECK(largest > 0);
}

/// Projects an output to one number in a fixed random direction: the loss of a gradient check.
inline double project(const std::vector<double>& out, const std::vector<double>& direction) {
  double sum = 0;
  for (std::size_t i = 0; i < out.size(); ++i) sum += out[i] * direction[i];
  return sum;
}

}  // namespace lm::test
