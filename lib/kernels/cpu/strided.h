// Strided: the rows of a matrix, as kernels over raw pointers take them.
#pragma once

#include <cstdint>

namespace lm {

/// Row i begins at data + i * stride. It has no functions, because files that are compiled for one SIMD tier include it, and
/// an inline function of theirs could be the copy that the linker keeps for the whole program.
template <class T>
struct Strided {
  T* data;
  std::int64_t stride;  // elements between rows
};

}  // namespace lm
