// Loops without instructions of any set: what machines have that know no other, and the reference of the others.
#include "base/half.h"
#include "kernels/cpu/products/blocks/product.h"

namespace lm::LM_BLOCKS {
namespace {

struct Portable {
  struct Bytes {
    std::uint8_t of[16];  // four outputs, four codes of each
  };
  struct Integers {
    std::int32_t of[4];
  };
  struct Floats {
    float of[4];
  };
  static constexpr std::int64_t kOutputs = 4;
  static constexpr std::int64_t kMostRows = 2;
  static constexpr bool kWide = true;

  template <class Make>
  LM_INLINE static Bytes bytes(Make make) {
    Bytes v;
    for (int i = 0; i < 16; ++i) v.of[i] = static_cast<std::uint8_t>(make(i));
    return v;
  }
  template <class Make>
  LM_INLINE static Floats floats(Make make) {
    Floats v;
    for (int i = 0; i < 4; ++i) v.of[i] = make(i);
    return v;
  }
  LM_INLINE static Bytes load(const char* p) {
    Bytes v;
    __builtin_memcpy(v.of, p, sizeof(v.of));
    return v;
  }
  LM_INLINE static Bytes and_each(Bytes v, char byte) {
    return bytes([&](int i) { return v.of[i] & static_cast<std::uint8_t>(byte); });
  }
  LM_INLINE static Bytes or_each(Bytes a, Bytes b) {
    return bytes([&](int i) { return a.of[i] | b.of[i]; });
  }
  template <int n>
  LM_INLINE static Bytes shift_right(Bytes v) {
    return bytes([&](int i) { return v.of[i] >> n; });
  }
  template <int n>
  LM_INLINE static Bytes shift_left(Bytes v) {
    return bytes([&](int i) { return v.of[i] << n; });
  }
  LM_INLINE static Bytes look_up(const std::uint8_t* table, Bytes v) {
    return bytes([&](int i) { return table[v.of[i]]; });
  }
  LM_INLINE static Bytes broadcast_codes(std::int32_t four) {
    Bytes v;
    for (int i = 0; i < 4; ++i) __builtin_memcpy(v.of + 4 * i, &four, sizeof(four));
    return v;
  }
  LM_INLINE static Integers dot(Integers sum, Bytes codes, Bytes x) {
    for (int i = 0; i < 16; ++i) sum.of[i / 4] += codes.of[i] * static_cast<std::int8_t>(x.of[i]);
    return sum;
  }
  LM_INLINE static Integers zero() { return {}; }
  LM_INLINE static Integers broadcast_sum(std::int32_t sum) { return {{sum, sum, sum, sum}}; }
  LM_INLINE static Integers add(Integers a, Integers b) {
    for (int i = 0; i < 4; ++i) a.of[i] += b.of[i];
    return a;
  }
  LM_INLINE static Floats floats_of(Integers v) {
    return floats([&](int i) { return static_cast<float>(v.of[i]); });
  }
  LM_INLINE static Floats broadcast(float value) { return {{value, value, value, value}}; }
  LM_INLINE static Floats multiply(Floats a, Floats b) {
    return floats([&](int i) { return a.of[i] * b.of[i]; });
  }
  LM_INLINE static Floats add(Floats a, Floats b) {
    return floats([&](int i) { return a.of[i] + b.of[i]; });
  }
  LM_INLINE static Floats subtract(Floats a, Floats b) {
    return floats([&](int i) { return a.of[i] - b.of[i]; });
  }
  LM_INLINE static Floats halves_at(const char* p) {
    return floats([&](int i) {
      std::uint16_t half;
      __builtin_memcpy(&half, p + 2 * i, sizeof(half));
      return float_of_half(half);
    });
  }
  /// 2^(exponent - 128), of which the two least are not normal.
  LM_INLINE static Floats powers_at(const char* p) {
    return floats([&](int i) {
      const auto exponent = static_cast<std::uint8_t>(p[i]);
      const std::uint32_t bits = exponent < 2 ? 0x00200000u << exponent : (exponent - 1u) << 23;
      float value;
      __builtin_memcpy(&value, &bits, sizeof(value));
      return value;
    });
  }
  LM_INLINE static Floats signed_at(const char* p) {
    return floats([&](int i) { return static_cast<float>(static_cast<std::int8_t>(p[i])); });
  }
  LM_INLINE static Floats unsigned_at(const char* p) {
    return floats([&](int i) { return static_cast<float>(static_cast<std::uint8_t>(p[i])); });
  }
  LM_INLINE static Floats floats_at(const float* p) {
    return floats([&](int i) { return p[i]; });
  }
  LM_INLINE static void store(float* p, Floats v) { __builtin_memcpy(p, v.of, sizeof(v.of)); }
};

}  // namespace

BlockKernels block_kernels() { return block_kernels_of<Portable>(); }

}  // namespace lm::LM_BLOCKS
