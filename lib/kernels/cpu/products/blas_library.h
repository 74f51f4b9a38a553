// OpenBLAS, which no program links: opened when a product first needs it. Loaded with a program it would start threads of
// its own, in programs that multiply nothing too, and where addresses are limited it tries for ever to get memory for its
// buffers.
#pragma once

#include <cblas.h>

#include "kernels/compute.h"

namespace lm {

/// What is called of OpenBLAS.
struct BlasLibrary {
  decltype(&cblas_sgemm) sgemm;
  decltype(&cblas_dgemm) dgemm;
  decltype(&openblas_set_num_threads) set_num_threads;
  decltype(&openblas_get_corename) get_corename;
  // Exported by every build with dynamic cores; null in one that was built for a single core, which then serves as it is.
  void (*dynamic_quit)();
  void (*dynamic_init)();
  // Of its pool of buffers, one per product under way; null in a build that does not export them.
  void* (*memory_alloc)(int);
  void (*memory_free)(void*);
};

/// Returns OpenBLAS, opened at the first call, with the tier's core, one thread per product, and a buffer for each of
/// `callers` at once. Safe from any thread; at most one tier is in use at a time. Throws Error if the library or one of
/// its functions is missing, or if there is no room for the buffers.
const BlasLibrary& blas_library(SimdTier tier, int callers);

}  // namespace lm
