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

/// Calls body(first, count) for blocks whose terms are summed in T; the sums of blocks are in double.
template <class Body>
LM_INLINE void each_block(std::int64_t n, Body&& body) {
  constexpr std::int64_t kBlock = 1024;
  for (std::int64_t first = 0; first < n; first += kBlock) body(first, n - first < kBlock ? n - first : kBlock);
}

template <class T>
std::int64_t find(const T* x, std::int64_t n, T value) {
  constexpr std::int64_t kBlock = 256;
  for (std::int64_t first = 0; first < n; first += kBlock) {
    const std::int64_t count = n - first < kBlock ? n - first : kBlock;
    typename VectorTypes<T>::Integers hits = {};
    each_vector<T>(count, [&](std::int64_t k, std::int64_t lanes) {
      const Vec<T> v = load(x + first + k, lanes);  // a 0 beyond the end is at most looked for in vain
      hits |= v == broadcast(value);
    });
    bool any = false;
    for (std::int64_t lane = 0; lane < kLanes<T>; ++lane) any = any || hits[lane] != 0;
    if (!any) continue;
    for (std::int64_t k = first; k < first + count; ++k) {
      if (x[k] == value) return k;
    }
  }
  return n;
}

template <class T>
std::int64_t sum_counts(typename VectorTypes<T>::Integers counts) {
  std::int64_t total = 0;
  for (std::int64_t lane = 0; lane < kLanes<T>; ++lane) total -= counts[lane];  // a comparison that holds is -1
  return total;
}

template <class T>
ExpSums exp_sums(const T* x, std::int64_t n, T shift, CountBounds<T> bounds) {
  ExpSums total = {};
  each_block(n, [&](std::int64_t first, std::int64_t size) {
    Vec<T> sum = {}, weighted = {};
    typename VectorTypes<T>::Integers above = {}, likely = {};
    each_vector<T>(size, [&](std::int64_t k, std::int64_t count) {
      const Vec<T> v = keep_first<T>(load(x + first + k, count), count, kLowest<T>);
      const Vec<T> distance = v - shift, e = exp_of(distance);
      sum += e;
      weighted += e > Vec<T>{} ? Vec<T>(e * distance) : Vec<T>{};
      above += v > broadcast(bounds.rank_bound);
      likely += v >= broadcast(bounds.likely_bound);
    });
    total.sum += static_cast<double>(sum_lanes<T>(sum));
    total.weighted += static_cast<double>(sum_lanes<T>(weighted));
    total.above += sum_counts<T>(above);
    total.likely += sum_counts<T>(likely);
  });
  return total;
}

template <class T>
ExpDifferences exp_differences(const T* x, const T* y, std::int64_t n, T shift_x, T shift_y) {
  ExpDifferences total = {};
  each_block(n, [&](std::int64_t first, std::int64_t size) {
    Vec<T> sum_x = {}, sum_y = {}, difference_x = {}, difference_y = {};
    each_vector<T>(size, [&](std::int64_t k, std::int64_t count) {
      const Vec<T> a = keep_first<T>(load(x + first + k, count), count, kLowest<T>) - shift_x;
      const Vec<T> b = keep_first<T>(load(y + first + k, count), count, kLowest<T>) - shift_y;
      const Vec<T> e = exp_of(a), f = exp_of(b), d = a - b;
      sum_x += e;
      sum_y += f;
      difference_x += e > Vec<T>{} ? Vec<T>(e * d) : Vec<T>{};
      difference_y += f > Vec<T>{} ? Vec<T>(f * d) : Vec<T>{};
    });
    total.sum_x += static_cast<double>(sum_lanes<T>(sum_x));
    total.sum_y += static_cast<double>(sum_lanes<T>(sum_y));
    total.difference_x += static_cast<double>(sum_lanes<T>(difference_x));
    total.difference_y += static_cast<double>(sum_lanes<T>(difference_y));
  });
  return total;
}

template <class T>
void hide_other_documents(T* scores, VisibleKeys visible) {
  const std::int32_t* documents = visible.documents;
  const std::int32_t document = visible.document;
  if (documents == nullptr) return;
  for (std::int64_t j = visible.first; j < visible.limit; ++j) scores[j] = documents[j] == document ? scores[j] : kLowest<T>;
}

template <class T>
void clear_unseen(T* row, VisibleKeys visible) {
  for (std::int64_t j = 0; j < visible.first; ++j) row[j] = T{0};
  for (std::int64_t j = visible.limit; j < visible.keys; ++j) row[j] = T{0};
}

/// scores <- cap * tanh(scale * score / cap)
template <class T>
void cap_scores(T* scores, std::int64_t n, ScoreScale<T> scale) {
  const T inside = scale.scale / scale.cap;
  each_vector<T>(n, [&](std::int64_t i, std::int64_t count) {
    store(scores + i, Vec<T>(scale.cap * tanh_of(load(scores + i, count) * inside)), count);
  });
}

template <class T>
T attention_weights(T* scores, VisibleKeys visible, ScoreScale<T> scale, T* inverse_sum) {
  T* seen = scores + visible.first;
  const std::int64_t count_seen = visible.limit - visible.first;
  if (scale.cap != T{0}) {
    cap_scores(seen, count_seen, scale);
    scale.scale = T{1};
  }
  hide_other_documents(scores, visible);
  // Powers of two: their exponents are products that are computed anyway.
  const T binary_scale = scale.scale * kBinary<T>, highest = maximum(seen, count_seen), shift = highest * binary_scale;
  Vec<T> sums = {};
  each_vector<T>(count_seen, [&](std::int64_t i, std::int64_t count) {
    const Vec<T> e = keep_first<T>(exp2_of(load(seen + i, count) * binary_scale - shift), count, T{0});
    sums += e;
    store(seen + i, e, count);
  });
  clear_unseen(scores, visible);
  const T sum = sum_lanes<T>(sums);
  *inverse_sum = T{1} / sum;
  return highest * scale.scale + log_of(sum);
}

/// attention_gradients of scores that were capped and of which no other document's is seen.
template <class T>
void capped_gradients(T* scores, T* dweights, std::int64_t n, ScoreScale<T> scale, T log_sum_exp, T delta) {
  const T shift = log_sum_exp * kBinary<T>, inverse_cap = T{1} / scale.cap;
  each_vector<T>(n, [&](std::int64_t i, std::int64_t count) {
    const Vec<T> capped = load(scores + i, count);
    const Vec<T> p = exp2_of(capped * kBinary<T> - shift);
    const Vec<T> tangent = capped * inverse_cap;
    const Vec<T> slope = scale.scale * (T{1} - tangent * tangent);
    const Vec<T> gradient = p * slope * (load(dweights + i, count) - delta);
    store(scores + i, p, count);
    store(dweights + i, p > Vec<T>{} ? gradient : Vec<T>{}, count);  // the slope of what is hidden is not a number
  });
}

template <class T>
void attention_gradients(T* scores, T* dweights, VisibleKeys visible, ScoreScale<T> scale, T log_sum_exp, T delta) {
  T *seen = scores + visible.first, *dseen = dweights + visible.first;
  const std::int64_t count_seen = visible.limit - visible.first;
  if (scale.cap != T{0}) {
    cap_scores(seen, count_seen, scale);
    hide_other_documents(scores, visible);
    capped_gradients(seen, dseen, count_seen, scale, log_sum_exp, delta);
  } else {
    hide_other_documents(scores, visible);
    const T binary_scale = scale.scale * kBinary<T>, shift = log_sum_exp * kBinary<T>;
    each_vector<T>(count_seen, [&](std::int64_t i, std::int64_t count) {
      const Vec<T> p = exp2_of(load(seen + i, count) * binary_scale - shift);
      store(seen + i, p, count);
      store(dseen + i, Vec<T>(p * scale.scale * (load(dseen + i, count) - delta)), count);
    });
  }
  clear_unseen(scores, visible);
  clear_unseen(dweights, visible);
}

}  // namespace

template <class T>
SoftmaxKernels<T> softmax_kernels() {
  return {.maximum = maximum<T>,
          .find = find<T>,
          .cap_scores = cap_scores<T>,
          .exp_sum = exp_sum<T>,
          .exp_sums = exp_sums<T>,
          .exp_differences = exp_differences<T>,
          .attention_weights = attention_weights<T>,
          .attention_gradients = attention_gradients<T>};
}
template SoftmaxKernels<float> softmax_kernels();
template SoftmaxKernels<double> softmax_kernels();

}  // namespace lm::LM_TIER
