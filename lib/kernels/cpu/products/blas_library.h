// OpenBLAS, which no program links: it is opened when a product first needs it. If it were loaded with a program, it would
// start threads of its own even in programs that multiply nothing, and if addresses are limited, it would try for ever to
// get memory for its buffers.
#pragma once

#include <cblas.h>

#include "kernels/compute.h"

namespace lm {

/// The functions of OpenBLAS that are called.
struct BlasLibrary {
  decltype(&cblas_sgemm) sgemm;
  decltype(&cblas_dgemm) dgemm;
  decltype(&openblas_set_num_threads) set_num_threads;
  decltype(&openblas_get_corename) get_corename;
  // Exported by every build with dynamic cores; null in a build for a single core, which then serves as it is.
  void (*dynamic_quit)();
  void (*dynamic_init)();
  // For its pool of buffers, one for each product being computed; null in a build that does not export them.
  void* (*memory_alloc)(int);
  void (*memory_free)(void*);
};

/// Returns OpenBLAS, opened at the first call, with the tier's core, one thread per product, and a buffer for each of
/// `callers` at once. Safe from any thread; at most one tier is in use at a time. Throws Error if the library or one of
/// its functions is missing, or if there is no room for the buffers.
const BlasLibrary& blas_library(SimdTier tier, int callers);

}  // namespace lm
