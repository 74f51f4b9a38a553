// OpenBLAS, which no program links: it is opened when a product or a fit first needs it. If it were loaded with a program, it
// would start threads of its own even in programs that multiply nothing, and if addresses are limited, it would try for ever
// to get memory for its buffers.
#pragma once

#include <cblas.h>

#include <cstddef>
#include <string>

namespace lm {

/// The functions of OpenBLAS that are called.
struct OpenBlas {
  decltype(&cblas_sgemm) sgemm;
  decltype(&cblas_dgemm) dgemm;
  decltype(&openblas_set_num_threads) set_num_threads;
  decltype(&openblas_get_corename) get_corename;
  // Of LAPACK, which most builds contain: least squares by singular values, and positive definite systems by Cholesky's factors
  // (the hidden length of `triangle` is what Fortran adds). Null in a build without it.
  void (*dgelsd)(const int* m, const int* n, const int* right_sides, const double* a, const int* a_stride, double* b,
                 const int* b_stride, double* singular_values, const double* condition, int* rank, double* work,
                 const int* work_size, int* integer_work, int* info);
  void (*dpotrf)(const char* triangle, const int* n, double* a, const int* a_stride, int* info, std::size_t length);
  void (*dpotrs)(const char* triangle, const int* n, const int* right_sides, const double* a, const int* a_stride, double* b,
                 const int* b_stride, int* info, std::size_t length);
  // Exported by every build with dynamic cores; null in a build for a single core, which then serves as it is.
  void (*dynamic_quit)();
  void (*dynamic_init)();
  // For its pool of buffers, one for each product being computed; null in a build that does not export them.
  void* (*memory_alloc)(int);
  void (*memory_free)(void*);
};

struct OpenBlasUse {
  std::string core = {};       // that it must use; empty: the one in use, at first OpenBLAS's own choice
  int callers = 1;             // that call it at once
  std::string otherwise = {};  // what the user can do without it, at the end of messages: ", or use --simd 'avx2'"
};

/// Returns OpenBLAS, opened at the first call, with the core, one thread per call, and a buffer for each of the callers. Safe
/// from any thread, but a change of the core needs that no other is inside OpenBLAS. Throws Error if the library or one of
/// its functions is missing, or if there is no room for the buffers.
const OpenBlas& open_blas(const OpenBlasUse& use);

}  // namespace lm
