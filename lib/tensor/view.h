// TensorView: a pointer with a shape, what every kernel reads and writes. Owns nothing.
#pragma once

#include <array>
#include <cstdint>
#include <type_traits>

#include "base/error.h"

namespace lm {

/// Has at most four dimensions, row-major, the last one contiguous (stride 1). The others may be strided, so that q, k and v
/// are column ranges of one fused product.
template <class T>
class TensorView {
 public:
  TensorView() = default;
  TensorView(T* data, std::int64_t d0) : TensorView(data, {d0, 1, 1, 1}, 1) {}
  TensorView(T* data, std::int64_t d0, std::int64_t d1) : TensorView(data, {d0, d1, 1, 1}, 2) {}
  TensorView(T* data, std::int64_t d0, std::int64_t d1, std::int64_t d2) : TensorView(data, {d0, d1, d2, 1}, 3) {}
  TensorView(T* data, std::int64_t d0, std::int64_t d1, std::int64_t d2, std::int64_t d3)
      : TensorView(data, {d0, d1, d2, d3}, 4) {}
  /// Makes a view of const from one of non-const.
  template <class U>
  requires(std::is_same_v<T, const U>) TensorView(const TensorView<U>& other) : data_(other.data()), rank_(other.rank()) {
    for (int i = 0; i < 4; ++i) {
      shape_[static_cast<std::size_t>(i)] = other.dim(i);
      stride_[static_cast<std::size_t>(i)] = other.stride(i);
    }
  }

  T* data() const { return data_; }
  int rank() const { return rank_; }
  /// Returns the size of dimension i; 1 beyond the rank.
  std::int64_t dim(int i) const { return shape_[static_cast<std::size_t>(i)]; }
  std::int64_t stride(int i) const { return stride_[static_cast<std::size_t>(i)]; }
  std::int64_t size() const { return shape_[0] * shape_[1] * shape_[2] * shape_[3]; }
  /// Returns whether it views nothing: an optional operand that is absent, or a tensor that a model's family lacks.
  bool empty() const { return data_ == nullptr; }

  /// Return the sizes of the first two dimensions.
  std::int64_t rows() const { return shape_[0]; }
  std::int64_t columns() const { return shape_[1]; }
  /// Returns a pointer to the first element of row i.
  T* row(std::int64_t i) const { return data_ + i * stride_[0]; }
  T& operator[](std::int64_t i) const { return data_[i * stride_[0]]; }
  T& operator()(std::int64_t i, std::int64_t j) const { return data_[i * stride_[0] + j * stride_[1]]; }
  T& operator()(std::int64_t i, std::int64_t j, std::int64_t k) const {
    return data_[i * stride_[0] + j * stride_[1] + k * stride_[2]];
  }
  T& operator()(std::int64_t i, std::int64_t j, std::int64_t k, std::int64_t l) const {
    return data_[i * stride_[0] + j * stride_[1] + k * stride_[2] + l * stride_[3]];
  }

  /// Returns a view of rows [first, first + count) of the first dimension.
  TensorView rows(std::int64_t first, std::int64_t count) const {
    TensorView view = *this;
    view.data_ += first * stride_[0];
    view.shape_[0] = count;
    return view;
  }
  /// Returns a view of columns [first, first + count) of a matrix.
  TensorView columns(std::int64_t first, std::int64_t count) const {
    LM_CHECK(rank_ == 2);
    TensorView view = *this;
    view.data_ += first;
    view.shape_[1] = count;
    return view;
  }
  /// Returns a matrix (rows, groups * width) as (rows, groups, width).
  TensorView split_columns(std::int64_t groups) const {
    LM_CHECK(rank_ == 2 && groups > 0 && shape_[1] % groups == 0);
    TensorView view = *this;
    view.rank_ = 3;
    view.shape_ = {shape_[0], groups, shape_[1] / groups, 1};
    view.stride_ = {stride_[0], shape_[1] / groups, 1, 1};
    return view;
  }
  /// Returns a view (batch * time, groups, width) as (batch, time, groups, width).
  TensorView split_rows(std::int64_t batch) const {
    LM_CHECK(rank_ == 3 && batch > 0 && shape_[0] % batch == 0);
    TensorView view = *this;
    view.rank_ = 4;
    view.shape_ = {batch, shape_[0] / batch, shape_[1], shape_[2]};
    view.stride_ = {stride_[0] * (shape_[0] / batch), stride_[0], stride_[1], 1};
    return view;
  }
  bool contiguous() const {
    std::int64_t expected = 1;
    for (int i = 3; i >= 0; --i) {
      const auto k = static_cast<std::size_t>(i);
      if (i < rank_ && shape_[k] != 1 && stride_[k] != expected) return false;
      expected *= shape_[k];
    }
    return true;
  }

 private:
  TensorView(T* data, std::array<std::int64_t, 4> shape, int rank) : data_(data), rank_(rank), shape_(shape) {
    std::int64_t step = 1;
    for (int i = 3; i >= 0; --i) {
      stride_[static_cast<std::size_t>(i)] = i < rank ? step : 1;
      step *= shape[static_cast<std::size_t>(i)];
    }
  }
  T* data_ = nullptr;
  int rank_ = 0;
  std::array<std::int64_t, 4> shape_ = {0, 1, 1, 1};
  std::array<std::int64_t, 4> stride_ = {1, 1, 1, 1};
};

}  // namespace lm
