#include "stats/lapack.h"

#include <atomic>

#include "base/error.h"
#include "base/openblas.h"

namespace lm {
namespace {

std::atomic<const OpenBlas*> opened{nullptr};

}  // namespace

void open_lapack() {
  if (opened != nullptr) return;
  const OpenBlas& blas = open_blas({.callers = 1});
  if (blas.dgelsd == nullptr || blas.dpotrf == nullptr || blas.dpotrs == nullptr)
    throw Error(
        "cannot fit: this 'libopenblas.so.0' was built without LAPACK; install one with it (Debian's package libopenblas0)");
  opened = &blas;
}

}  // namespace lm

// Hidden, so that no library that is opened later takes it for LAPACK's own.
extern "C" __attribute__((visibility("hidden"))) void dgelsd_(const int* m, const int* n, const int* right_sides,
                                                              const double* a, const int* a_stride, double* b,
                                                              const int* b_stride, double* singular_values,
                                                              const double* condition, int* rank, double* work,
                                                              const int* work_size, int* integer_work, int* info) {
  lm::opened.load()->dgelsd(m, n, right_sides, a, a_stride, b, b_stride, singular_values, condition, rank, work, work_size,
                            integer_work, info);
}

extern "C" __attribute__((visibility("hidden"))) void dpotrf_(const char* triangle, const int* n, double* a,
                                                              const int* a_stride, int* info) {
  lm::opened.load()->dpotrf(triangle, n, a, a_stride, info, 1);
}

extern "C" __attribute__((visibility("hidden"))) void dpotrs_(const char* triangle, const int* n, const int* right_sides,
                                                              const double* a, const int* a_stride, double* b,
                                                              const int* b_stride, int* info) {
  lm::opened.load()->dpotrs(triangle, n, right_sides, a, a_stride, b, b_stride, info, 1);
}
