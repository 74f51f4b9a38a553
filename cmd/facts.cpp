#include "facts.h"

#include "base/error.h"
#include "kernels/precision.h"
#include "text/unicode/unicode.h"

namespace lm::cmd {
namespace {

std::string compiler() {
#if defined(__clang__)
  return "clang " __clang_version__;
#else
  return "gcc " __VERSION__;
#endif
}

/// Returns what --precision can be here.
std::string precisions(SimdTier simd) {
  std::string names = to_string(Precision::fp32);
  for (const Precision precision : {Precision::bf16, Precision::fp16}) {
    if (missing_for(precision, simd).empty()) names += std::string(" ") + to_string(precision);
  }
  return names;
}

}  // namespace

SimdTier resolve_simd(std::optional<SimdTier> wanted) {
  const SimdTier best = best_simd_tier();
  if (!wanted) return best;
  if (*wanted > best)
    throw Error(std::string("cannot use --simd '") + to_string(*wanted) + "': this CPU's best is '" + to_string(best) + "'");
  return *wanted;
}

namespace {

/// Returns what --version says of OpenBLAS, which is opened for it.
std::string blas_text(SimdTier simd) {
  try {
    return "OpenBLAS " + select_blas_core(simd);
  } catch (const Error& error) {
    return std::string("none (") + error.what() + ")";
  }
}

}  // namespace

std::string version_text(const std::string& program, SimdTier simd, Products products) {
  return program + " (lm-tools) " LM_VERSION "\ncompiler: " + compiler() + "\nsimd: " + to_string(simd) +
         (products == Products::made ? "\nblas: " + blas_text(simd) : std::string()) + "\nprecision: " + precisions(simd) +
         "\nunicode: " + std::string(kUnicodeVersion) + "\n";
}

}  // namespace lm::cmd
