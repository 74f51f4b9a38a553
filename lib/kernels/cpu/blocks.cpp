#include "kernels/blocks.h"

#include <array>
#include <bit>
#include <cstddef>
#include <utility>

#include "base/error.h"
#include "base/half.h"
#include "base/little_endian.h"
#include "kernels/cpu/block_reader.h"
#include "kernels/cpu/products/block_kernels.h"

namespace lm {

namespace {

using Byte = unsigned char;

template <class Number, float (*value_of)(Number)>
void dequantize_numbers(const Byte* numbers, std::int64_t count, float* values) {
  for (std::int64_t i = 0; i < count; ++i)
    values[i] = value_of(load_little<Number>(numbers + i * static_cast<std::int64_t>(sizeof(Number))));
}

float float_of_bits(std::uint32_t bits) { return std::bit_cast<float>(bits); }

template <BlockKind kind>
void dequantize_blocks(const Byte* blocks, std::int64_t count, float* values) {
  constexpr BlockLayout kLayout = block_layout(kind);
  constexpr std::int64_t kHalf = kGroup / 2;
  const GgmlTypeFacts& facts = facts_of(block_type(kind));
  const ReadBlock read = block_reader(kind);
  QuantizedBlock block;
  for (std::int64_t done = 0; done < count; done += facts.values, blocks += facts.bytes) {
    read(blocks, block);
    for (std::int64_t half = 0; half < facts.values / kHalf; ++half) {
      const auto small = static_cast<std::size_t>(half / (2 / kLayout.halves));
      const BlockScale scale =
          block_scale(kLayout, block.scale, block.least, block.small_scales[small], block.small_least[small]);
      for (std::int64_t i = half * kHalf; i < (half + 1) * kHalf; ++i)
        values[done + i] = block_weight(kLayout, scale, block.codes[static_cast<std::size_t>(i)]);
    }
  }
}

using Dequantize = void (*)(const Byte* blocks, std::int64_t count, float* values);

template <std::size_t... kinds>
constexpr std::array<Dequantize, kBlockKinds> dequantizers(std::index_sequence<kinds...>) {
  return {dequantize_blocks<static_cast<BlockKind>(kinds)>...};
}

/// Returns null for a type that is not known.
Dequantize find_dequantizer(GgmlType type) {
  static constexpr auto kOfBlocks = dequantizers(std::make_index_sequence<kBlockKinds>());
  switch (type) {
    case GgmlType::f32:
      return dequantize_numbers<std::uint32_t, float_of_bits>;
    case GgmlType::f16:
      return dequantize_numbers<std::uint16_t, float_of_half>;
    case GgmlType::bf16:
      return dequantize_numbers<std::uint16_t, float_of_bfloat16>;
    default:
      return has_block_kind(type) ? kOfBlocks[static_cast<std::size_t>(block_kind(type))] : nullptr;
  }
}

}  // namespace

bool can_dequantize(GgmlType type) { return find_dequantizer(type) != nullptr; }

void dequantize(GgmlType type, const void* blocks, std::int64_t count, float* values) {
  const Dequantize run = find_dequantizer(type);
  LM_CHECK(run != nullptr && count % facts_of(type).values == 0);
  run(static_cast<const Byte*>(blocks), count, values);
}

}  // namespace lm
