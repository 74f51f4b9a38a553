#include "kernels/cpu/simd/elementwise.h"

#include "kernels/cpu/simd/groups.h"
#include "kernels/cpu/simd/vector.h"

namespace lm::LM_TIER {
namespace {

// Simple loops are left to the compiler's vectoriser.

template <class T>
void add(T* y, const T* x, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) y[i] += x[i];
}

template <class T>
void add_columns(T* sums, const T* x, std::int64_t stride, std::int64_t rows, std::int64_t n) {
  // As many columns together as have sums in registers.
  constexpr std::int64_t kTogether = 8;
  std::int64_t first = 0;
  for (; first + kTogether * kLanes<T> <= n; first += kTogether * kLanes<T>) {
    Vec<T> together[kTogether] = {};
    for (std::int64_t r = 0; r < rows; ++r) {
#pragma GCC unroll 8
      for (std::int64_t v = 0; v < kTogether; ++v) together[v] += load(x + r * stride + first + v * kLanes<T>);
    }
    for (std::int64_t v = 0; v < kTogether; ++v) {
      T* place = sums + first + v * kLanes<T>;
      store(place, Vec<T>(load(place) + together[v]));
    }
  }
  each_vector<T>(n - first, [&](std::int64_t i, std::int64_t count) {
    Vec<T> sum = {};
    for (std::int64_t r = 0; r < rows; ++r) sum += load(x + r * stride + first + i, count);
    store(sums + first + i, Vec<T>(load(sums + first + i, count) + sum), count);
  });
}

template <class T>
void scale(T* y, T factor, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) y[i] *= factor;
}

template <class T>
double sum_of_squares(const T* x, std::int64_t n) {
  Vec<double> sums[4] = {};
  const std::int64_t whole = n / (4 * kLanes<double>)*(4 * kLanes<double>);
  for (std::int64_t i = 0; i < whole; i += 4 * kLanes<double>) {
    for (int k = 0; k < 4; ++k) {
      Vec<double> v;
      for (int lane = 0; lane < kLanes<double>; ++lane) v[lane] = static_cast<double>(x[i + k * kLanes<double> + lane]);
      sums[k] += v * v;
    }
  }
  double total = sum_lanes<double>((sums[0] + sums[1]) + (sums[2] + sums[3]));
  for (std::int64_t i = whole; i < n; ++i) total += static_cast<double>(x[i]) * static_cast<double>(x[i]);
  return total;
}

template <class T>
bool all_finite(const T* x, std::int64_t n) {
  // x - x is 0 for a finite x and NaN otherwise; NaN survives the sum.
  Vec<T> sums = {};
  each_vector<T>(n, [&](std::int64_t i, std::int64_t count) {
    const Vec<T> v = load(x + i, count);
    sums += v - v;
  });
  return sum_lanes<T>(sums) == T{0};
}

// Philox's state of one counter is in 64-bit slots, of which the low halves count: the multiplication of x86 reads only
// these.
inline constexpr int kSlots = kVectorBytes / 8;
typedef std::uint64_t Slots __attribute__((vector_size(kVectorBytes)));
typedef std::uint32_t Bits __attribute__((vector_size(kVectorBytes)));

LM_INLINE Slots multiply_low_halves(Slots a, Slots b) {
#if defined(LM_TIER_avx512)
  return reinterpret_cast<Slots>(_mm512_mul_epu32(reinterpret_cast<__m512i>(a), reinterpret_cast<__m512i>(b)));
#elif defined(LM_TIER_avx2)
  return reinterpret_cast<Slots>(_mm256_mul_epu32(reinterpret_cast<__m256i>(a), reinterpret_cast<__m256i>(b)));
#elif defined(__SSE2__)
  return reinterpret_cast<Slots>(_mm_mul_epu32(reinterpret_cast<__m128i>(a), reinterpret_cast<__m128i>(b)));
#else
  return (a & 0xffffffffu) * (b & 0xffffffffu);
#endif
}

/// 4 * kSlots random words, in order.
struct RandomWords {
  static constexpr std::int64_t kCount = 4 * kSlots;
  Bits halves[2];
};

/// Returns the random words of counters [counter, counter + kSlots).
LM_INLINE RandomWords philox_words(std::uint64_t counter, std::uint64_t key, std::uint64_t stream) {
  Slots number = {};
  for (int i = 0; i < kSlots; ++i) number[i] = static_cast<std::uint64_t>(i);
  number += counter;
  Slots c0 = number, c1 = number >> 32;
  Slots c2 = Slots{} + stream, c3 = Slots{} + (stream >> 32);
  std::uint32_t k0 = static_cast<std::uint32_t>(key), k1 = static_cast<std::uint32_t>(key >> 32);
  const Slots m0 = Slots{} + 0xD2511F53u, m1 = Slots{} + 0xCD9E8D57u;
  for (int round = 0; round < 10; ++round) {
    const Slots a = multiply_low_halves(c0, m0), b = multiply_low_halves(c2, m1);
    c0 = (b >> 32) ^ c1 ^ (Slots{} + k0);
    c2 = (a >> 32) ^ c3 ^ (Slots{} + k1);
    c1 = b;
    c3 = a;
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  const Vec<double> first = reinterpret_cast<Vec<double>>((c0 & 0xffffffffu) | (c1 << 32));
  const Vec<double> second = reinterpret_cast<Vec<double>>((c2 & 0xffffffffu) | (c3 << 32));
  return {{reinterpret_cast<Bits>(interleave<double, 0>(first, second)),
           reinterpret_cast<Bits>(interleave<double, 1>(first, second))}};
}

/// Drops or scales n <= RandomWords::kCount elements, one after another.
template <class T>
LM_INLINE void dropout_each(T* y, std::int64_t n, const RandomWords& random, std::uint32_t threshold, T keep_scale) {
  std::uint32_t words[RandomWords::kCount];
  __builtin_memcpy(words, &random, sizeof(words));
  for (std::int64_t i = 0; i < n; ++i) y[i] = words[i] >= threshold ? y[i] * keep_scale : T{0};
}

template <class T>
void dropout(T* y, std::int64_t n, std::uint64_t first, std::uint64_t key, std::uint64_t stream, std::uint32_t threshold,
             T keep_scale) {
  for (std::int64_t i = 0; i < n; i += RandomWords::kCount) {
    const RandomWords random = philox_words((first + static_cast<std::uint64_t>(i)) / 4, key, stream);
    if constexpr (sizeof(T) == sizeof(std::uint32_t)) {
      if (i + RandomWords::kCount <= n) {
        for (std::int64_t half = 0; half < 2; ++half) {
          T* place = y + i + half * kLanes<T>;
          const Vec<T> kept = load(place) * keep_scale;
          store(place, Vec<T>(random.halves[half] >= threshold ? kept : Vec<T>{}));
        }
        continue;
      }
    }
    dropout_each(y + i, n - i < RandomWords::kCount ? n - i : RandomWords::kCount, random, threshold, keep_scale);
  }
}

template <class T>
void rotate(T* x, const T* cosine, const T* sine, std::int64_t half, std::int64_t heads, std::int64_t head_stride,
            T direction) {
  for (std::int64_t head = 0; head < heads; ++head, x += head_stride) {
    each_vector<T>(half, [&](std::int64_t i, std::int64_t count) {
      const Vec<T> a = load(x + i, count), b = load(x + half + i, count);
      const Vec<T> c = load(cosine + i, count), s = load(sine + i, count) * direction;
      store(x + i, Vec<T>(a * c - b * s), count);
      store(x + half + i, Vec<T>(b * c + a * s), count);
    });
  }
}

template <class T>
void rotate_neighbours(T* x, const T* cosine, const T* sine, std::int64_t half, std::int64_t heads, std::int64_t head_stride,
                       T direction) {
  for (std::int64_t head = 0; head < heads; ++head, x += head_stride) {
    for (std::int64_t i = 0; i < half; ++i) {
      const T a = x[2 * i], b = x[2 * i + 1], c = cosine[i], s = sine[i] * direction;
      x[2 * i] = a * c - b * s;
      x[2 * i + 1] = b * c + a * s;
    }
  }
}

}  // namespace

template <class T>
ElementwiseKernels<T> elementwise_kernels() {
  return {.add = add<T>,
          .add_columns = add_columns<T>,
          .scale = scale<T>,
          .sum_of_squares = sum_of_squares<T>,
          .all_finite = all_finite<T>,
          .dropout = dropout<T>,
          .rotate = rotate<T>,
          .rotate_neighbours = rotate_neighbours<T>};
}
template ElementwiseKernels<float> elementwise_kernels();
template ElementwiseKernels<double> elementwise_kernels();

}  // namespace lm::LM_TIER
