// Facts about this build and machine for --version and --simd: what the layers below report of themselves.
#pragma once

#include <optional>
#include <string>

#include "kernels/compute.h"

namespace lm::cmd {

/// Returns the tier that --simd asks for, or without it the best of this CPU. Throws Error if this CPU cannot run it.
SimdTier resolve_simd(std::optional<SimdTier> wanted);

/// Whether a program multiplies matrices: one that does not never opens OpenBLAS.
enum class Products { none, made };

/// Returns the lines of --version: name and version, compiler, SIMD tier, BLAS core (or why there is none), precisions,
/// Unicode version.
std::string version_text(const std::string& program, SimdTier simd, Products products);

}  // namespace lm::cmd
