#include "kernels/quantize.h"

#include <atomic>
#include <cfenv>
#include <cmath>
#include <span>

#include "base/error.h"
#include "base/half.h"
#include "base/little_endian.h"
#include "base/round.h"
#include "kernels/cpu/quantize_rows.h"

namespace lm {

namespace {

/// Has numbers below the normal ones count, which threads of the pool take to be 0: blocks are those of other programs to the bit.
class UsualArithmetic {
 public:
  UsualArithmetic() {
    std::fegetenv(&before_);
    std::fesetenv(FE_DFL_ENV);
  }
  ~UsualArithmetic() { std::fesetenv(&before_); }
  UsualArithmetic(const UsualArithmetic&) = delete;
  UsualArithmetic& operator=(const UsualArithmetic&) = delete;

 private:
  std::fenv_t before_;
};

template <class Convert>
bool convert_row(std::span<const float> x, unsigned char* out, Convert convert) {
  bool finite = true;
  for (const float value : x) {
    const auto bits = convert(value);
    store_little(out, bits);
    out += sizeof bits;
    finite = finite && std::isfinite(value);
  }
  return finite;
}

bool quantize_f16_row(std::span<const float> x, unsigned char* out) {
  BlockWriter block(out);
  for (const float value : x) block.half(value);
  return block.is_finite();
}

bool quantize_row(GgmlType type, std::span<const float> x, std::span<const float> importance, unsigned char* out) {
  switch (type) {
    case GgmlType::f32:
      return convert_row(x, out, [](float value) { return std::bit_cast<std::uint32_t>(value); });
    case GgmlType::bf16:
      return convert_row(x, out, bfloat16_of_float);
    case GgmlType::f16:
      return quantize_f16_row(x, out);
    case GgmlType::q8_0:
      return quantize_q8_0_row(x, out);
    case GgmlType::q4_0:
      return quantize_q4_0_row(x, importance, out);
    case GgmlType::q4_1:
      return quantize_q4_1_row(x, importance, out);
    case GgmlType::q5_0:
      return quantize_q5_0_row(x, importance, out);
    case GgmlType::q4_k:
      return quantize_q4_k_row(x, importance, out);
    case GgmlType::q6_k:
      return quantize_q6_k_row(x, importance, out);
    default:
      throw InternalError("a type that is not written");
  }
}

}  // namespace

bool can_quantize(GgmlType type) {
  switch (type) {
    case GgmlType::f32:
    case GgmlType::f16:
    case GgmlType::bf16:
    case GgmlType::q8_0:
    case GgmlType::q4_0:
    case GgmlType::q4_1:
    case GgmlType::q5_0:
    case GgmlType::q4_k:
    case GgmlType::q6_k:
      return true;
    default:
      return false;
  }
}

bool quantize(Compute& compute, GgmlType type, void* blocks, TensorView<const float> rows, const float* importance) {
  constexpr std::int64_t kTile = 1 << 14;  // values, so that a tile is much longer than handing it out
  const GgmlTypeFacts& facts = facts_of(type);
  const std::int64_t columns = rows.columns();
  LM_CHECK(can_quantize(type) && columns % facts.values == 0);
  const std::int64_t row_bytes = facts.bytes_of(columns);
  const std::int64_t tile_rows = divide_up(kTile, columns);
  std::atomic<bool> finite = true;
  compute.pool().run(divide_up(rows.rows(), tile_rows), [&](std::int64_t tile, int) {
    const UsualArithmetic usual;
    const auto width = static_cast<std::size_t>(columns);
    const std::span<const float> weights(importance, importance == nullptr ? 0 : width);
    for (std::int64_t row = tile * tile_rows; row < std::min(rows.rows(), (tile + 1) * tile_rows); ++row) {
      unsigned char* out = static_cast<unsigned char*>(blocks) + row * row_bytes;
      if (!quantize_row(type, std::span<const float>(rows.row(row), width), weights, out)) finite = false;
    }
  });
  return finite;
}

}  // namespace lm
