#include "kernels/cpu/products/block_kernels.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include <algorithm>
#include <array>

#include "base/error.h"

namespace lm {

namespace blocks_portable {
BlockKernels block_kernels();
}
#if defined(LM_HAS_BLOCKS_AVX2)
namespace blocks_avx2 {
BlockKernels block_kernels();
}
#endif
#if defined(LM_HAS_BLOCKS_AVXVNNI)
namespace blocks_avxvnni {
BlockKernels block_kernels();
}
#endif
#if defined(LM_HAS_BLOCKS_AVX512VNNI)
namespace blocks_avx512vnni {
BlockKernels block_kernels();
}
#endif

namespace {

/// In the order of BlockKind.
constexpr std::array<GgmlType, kBlockKinds> kTypes = {
    GgmlType::q8_0, GgmlType::q4_0, GgmlType::q4_1, GgmlType::q5_0,   GgmlType::q5_1,   GgmlType::q2_k, GgmlType::q3_k,
    GgmlType::q4_k, GgmlType::q5_k, GgmlType::q6_k, GgmlType::iq4_nl, GgmlType::iq4_xs, GgmlType::mxfp4};

#if defined(LM_HAS_BLOCKS_AVXVNNI)
/// Returns whether the CPU has AVX-VNNI: not every compiler's __builtin_cpu_supports knows of that.
bool has_avxvnni() {
  constexpr unsigned int kBit = 1U << 4U;
  unsigned int a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid_count(7, 1, &a, &b, &c, &d) != 0 && (a & kBit) != 0;
}
#endif

BlockKernels choose(SimdTier tier) {
#if defined(LM_HAS_BLOCKS_AVX512VNNI)
  if (tier == SimdTier::avx512 && __builtin_cpu_supports("avx512vnni")) return blocks_avx512vnni::block_kernels();
#endif
#if defined(LM_HAS_BLOCKS_AVXVNNI)
  if (tier != SimdTier::portable && has_avxvnni()) return blocks_avxvnni::block_kernels();
#endif
#if defined(LM_HAS_BLOCKS_AVX2)
  if (tier != SimdTier::portable) return blocks_avx2::block_kernels();
#endif
  (void)tier;
  return blocks_portable::block_kernels();
}

}  // namespace

bool has_block_kind(GgmlType type) { return std::find(kTypes.begin(), kTypes.end(), type) != kTypes.end(); }

BlockKind block_kind(GgmlType type) {
  const auto found = std::find(kTypes.begin(), kTypes.end(), type);
  LM_CHECK(found != kTypes.end());
  return static_cast<BlockKind>(found - kTypes.begin());
}

GgmlType block_type(BlockKind kind) { return kTypes[static_cast<std::size_t>(kind)]; }

const BlockKernels& block_kernels(SimdTier tier) {
  static const std::array<BlockKernels, 3> tables = [] {
    std::array<BlockKernels, 3> all{};
    for (const SimdTier known : simd_tiers()) all[static_cast<std::size_t>(known)] = choose(known);
    return all;
  }();
  return tables[static_cast<std::size_t>(tier)];
}

}  // namespace lm
