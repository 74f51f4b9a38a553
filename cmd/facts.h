// Facts about this build and machine for --version and --simd: what the layers below tell of themselves.
#pragma once

#include <string>

#include "kernels/compute.h"

namespace lm::cmd {

/// The tier for a word of --simd; throws Error where this CPU cannot run it.
SimdTier resolve_simd(const std::string& word);

/// Whether a program multiplies matrices: one that does not never opens OpenBLAS.
enum class Products { none, made };

/// The lines of --version: name and version, compiler, SIMD tier, BLAS core (or why there is none), precisions, Unicode
/// version.
std::string version_text(const std::string& program, SimdTier simd, Products products);

}  // namespace lm::cmd
