#include "kernels/cpu/simd/softmax.h"

#include "kernels/cpu/simd/groups.h"
#include "kernels/cpu/simd/vector.h"

namespace lm::LM_TIER {
namespace {

template <class T>
inline constexpr T kLowest = static_cast<T>(-__builtin_inf());

/// log2(e)
template <class T>
inline constexpr T kBinary = static_cast<T>(1.4426950408889634073599246810019);

template <class T>
T maximum(const T* x, std::int64_t n) {
  Vec<T> highest = broadcast(kLowest<T>);
  each_vector<T>(n, [&](std::int64_t i, std::int64_t count) {
    highest = maximum_of<T>(highest, keep_first<T>(load(x + i, count), count, kLowest<T>));
  });
  return maximum_lane<T>(highest);
}

template <class T>
double exp_sum(T* y, const T* x, std::int64_t n, T shift) {
  // Blocks are summed in T, their sums in double: long rows (a vocabulary) lose nothing.
  constexpr std::int64_t kBlock = 1024;
  double total = 0;
  for (std::int64_t first = 0; first < n; first += kBlock) {
    Vec<T> sum = {};
    each_vector<T>(n - first < kBlock ? n - first : kBlock, [&](std::int64_t k, std::int64_t count) {
      const Vec<T> e = keep_first<T>(exp_of(load(x + first + k, count) - shift), count, T{0});
      sum += e;
      if (y != nullptr) store(y + first + k, e, count);
    });
    total += static_cast<double>(sum_lanes<T>(sum));
  }
  return total;
}

template <class T>
void hide_other_documents(T* scores, VisibleKeys visible) {
  const std::int32_t* documents = visible.documents;
  const std::int32_t document = visible.document;
  if (documents == nullptr) return;
  for (std::int64_t j = 0; j < visible.limit; ++j) scores[j] = documents[j] == document ? scores[j] : kLowest<T>;
}

template <class T>
T attention_weights(T* scores, VisibleKeys visible, T scale, T* inverse_sum) {
  const std::int64_t limit = visible.limit;
  hide_other_documents(scores, visible);
  // Powers of two: their exponents are products that are computed anyway.
  const T binary_scale = scale * kBinary<T>, highest = maximum(scores, limit), shift = highest * binary_scale;
  Vec<T> sums = {};
  each_vector<T>(limit, [&](std::int64_t i, std::int64_t count) {
    const Vec<T> e = keep_first<T>(exp2_of(load(scores + i, count) * binary_scale - shift), count, T{0});
    sums += e;
    store(scores + i, e, count);
  });
  for (std::int64_t j = limit; j < visible.keys; ++j) scores[j] = T{0};
  const T sum = sum_lanes<T>(sums);
  *inverse_sum = T{1} / sum;
  return highest * scale + log_of(sum);
}

template <class T>
void attention_gradients(T* scores, T* dweights, VisibleKeys visible, T scale, T log_sum_exp, T delta) {
  const std::int64_t limit = visible.limit;
  hide_other_documents(scores, visible);
  const T binary_scale = scale * kBinary<T>, shift = log_sum_exp * kBinary<T>;
  each_vector<T>(limit, [&](std::int64_t i, std::int64_t count) {
    const Vec<T> p = exp2_of(load(scores + i, count) * binary_scale - shift);
    store(scores + i, p, count);
    store(dweights + i, Vec<T>(p * scale * (load(dweights + i, count) - delta)), count);
  });
  for (std::int64_t j = limit; j < visible.keys; ++j) scores[j] = dweights[j] = T{0};
}

}  // namespace

template <class T>
SoftmaxKernels<T> softmax_kernels() {
  return {.maximum = maximum<T>,
          .exp_sum = exp_sum<T>,
          .attention_weights = attention_weights<T>,
          .attention_gradients = attention_gradients<T>};
}
template SoftmaxKernels<float> softmax_kernels();
template SoftmaxKernels<double> softmax_kernels();

}  // namespace lm::LM_TIER
