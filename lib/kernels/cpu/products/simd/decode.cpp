#include "kernels/cpu/products/simd/decode.h"

#include "kernels/cpu/simd/groups.h"
#include "kernels/cpu/simd/vector.h"

namespace lm::LM_TIER {
namespace {

template <class T>
T dot(const T* x, const T* w, std::int64_t n) {
  Vec<T> sums[4] = {};
  std::int64_t i = 0;
  for (; i + 4 * kLanes<T> <= n; i += 4 * kLanes<T>) {
    for (int k = 0; k < 4; ++k) sums[k] += load(x + i + k * kLanes<T>) * load(w + i + k * kLanes<T>);
  }
  for (; i + kLanes<T> <= n; i += kLanes<T>) sums[0] += load(x + i) * load(w + i);
  if (i < n) sums[1] += load(x + i, n - i) * load(w + i, n - i);
  return sum_lanes<T>((sums[0] + sums[1]) + (sums[2] + sums[3]));
}

/// Returns the sums of products of one key, lane by lane.
template <class T>
LM_INLINE Vec<T> lane_sums(const T* query, const T* key, std::int64_t width) {
  Vec<T> sums = {};
  each_vector<T>(width, [&](std::int64_t i, std::int64_t count) { sums += load(query + i, count) * load(key + i, count); });
  return sums;
}

/// Returns blocks of kStep lanes by turns from a and b: of each block of twice that many lanes the first half (kSecond 0), or the
/// second one (kSecond 1).
template <class T, int kStep, int kSecond>
LM_INLINE Vec<T> half_blocks(Vec<T> a, Vec<T> b) {
  typename VectorTypes<T>::Integers order = {};
  using Lane = decltype(order[0] + 0);
  for (int i = 0; i < kLanes<T>; ++i) {
    const int block = i / kStep, from = block % 2 * static_cast<int>(kLanes<T>);
    order[i] = static_cast<Lane>(from + block / 2 * 2 * kStep + kSecond * kStep + i % kStep);
  }
  return shuffle<T>(a, b, order);
}

/// Returns in lane i the sum of the lanes of sums[i], in the tree of sum_lanes(): halves are added, of two vectors at a time.
template <class T, int kStep = static_cast<int>(kLanes<T>) / 2>
LM_INLINE Vec<T> sum_all_lanes(Vec<T>* sums) {
  if constexpr (kStep == 0) {
    return sums[0];
  } else {
#pragma GCC unroll 8
    for (int i = 0; i < kStep; ++i)
      sums[i] = half_blocks<T, kStep, 0>(sums[i], sums[i + kStep]) + half_blocks<T, kStep, 1>(sums[i], sums[i + kStep]);
    return sum_all_lanes<T, kStep / 2>(sums);
  }
}

template <class T>
void scores(T* scores, const T* query, Strided<const T> keys, std::int64_t count, std::int64_t width) {
  std::int64_t j = 0;
  for (; j + kLanes<T> <= count; j += kLanes<T>) {
    Vec<T> sums[kLanes<T>] = {};
    each_vector<T>(width, [&](std::int64_t i, std::int64_t lanes) {
      const Vec<T> part = load(query + i, lanes);
#pragma GCC unroll 16
      for (int key = 0; key < kLanes<T>; ++key) sums[key] += part * load(keys.data + (j + key) * keys.stride + i, lanes);
    });
    store(scores + j, sum_all_lanes<T>(sums));
  }
  for (; j < count; ++j) scores[j] = sum_lanes<T>(lane_sums(query, keys.data + j * keys.stride, width));
}

/// y[v] = the sums of kVectors vectors, the last of which has `last` lanes: several at a time, so that none waits for another.
template <class T, int kVectors>
LM_INLINE void add_weighted(T* y, const T* weights, Strided<const T> rows, std::int64_t count, std::int64_t last) {
  Vec<T> sums[kVectors] = {};
  for (std::int64_t j = 0; j < count; ++j) {
    const T* row = rows.data + j * rows.stride;
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v)
      sums[v] += load(row + v * kLanes<T>, v == kVectors - 1 ? last : kLanes<T>) * weights[j];
  }
#pragma GCC unroll 8
  for (int v = 0; v < kVectors; ++v) store(y + v * kLanes<T>, sums[v], v == kVectors - 1 ? last : kLanes<T>);
}

template <class T>
void weighted_rows(T* y, const T* weights, Strided<const T> rows, std::int64_t count, std::int64_t width) {
  constexpr std::int64_t kMost = 8;
  std::int64_t i = 0;
  const auto rows_from = [&](std::int64_t column) { return Strided<const T>{rows.data + column, rows.stride}; };
  for (; i + kMost * kLanes<T> <= width; i += kMost * kLanes<T>)
    add_weighted<T, kMost>(y + i, weights, rows_from(i), count, kLanes<T>);
  for (; i + 4 * kLanes<T> <= width; i += 4 * kLanes<T>) add_weighted<T, 4>(y + i, weights, rows_from(i), count, kLanes<T>);
  for (; i + kLanes<T> <= width; i += kLanes<T>) add_weighted<T, 1>(y + i, weights, rows_from(i), count, kLanes<T>);
  if (i < width) add_weighted<T, 1>(y + i, weights, rows_from(i), count, width - i);
}

}  // namespace

template <class T>
DecodeKernels<T> decode_kernels() {
  return {.dot = dot<T>, .scores = scores<T>, .weighted_rows = weighted_rows<T>};
}
template DecodeKernels<float> decode_kernels();
template DecodeKernels<double> decode_kernels();

}  // namespace lm::LM_TIER
