#include "base/openblas.h"

#include <dlfcn.h>
#include <sys/mman.h>

#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/scoped_variable.h"

namespace lm {

namespace {

/// The variables of the environment that OpenBLAS reads while it is loaded and while it chooses its core.
struct BlasVariables {
  explicit BlasVariables(const std::string& wanted) : core("OPENBLAS_CORETYPE", wanted.empty() ? nullptr : wanted.c_str()) {}
  ScopedVariable core;
  ScopedVariable cache{"OPENBLAS_L2_SIZE", nullptr};
  ScopedVariable verbose{"OPENBLAS_VERBOSE", nullptr};
  ScopedVariable default_threads{"OPENBLAS_DEFAULT_NUM_THREADS", nullptr};
  ScopedVariable threads{"OPENBLAS_NUM_THREADS", "1"};
  ScopedVariable goto_threads{"GOTO_NUM_THREADS", "1"};
  ScopedVariable openmp_threads{"OMP_NUM_THREADS", "1"};
};

/// Throws Error if OpenBLAS would not get its buffers: it would repeat an mmap that fails without end.
void check_room(int buffers, const std::string& otherwise) {
  constexpr std::size_t kBuffer = std::size_t{128} << 20U;  // the largest of its x86-64 and arm64 builds
  const std::size_t bytes = kBuffer * static_cast<std::size_t>(buffers);
  void* const block = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (block == MAP_FAILED) {
    throw Error("out of memory: OpenBLAS needs " + std::to_string(bytes >> 20U) + " MiB of addresses for " +
                std::to_string(buffers) + (buffers == 1 ? " thread" : " threads") + "; raise the limit (ulimit -v)" +
                (buffers > 1 ? ", or use fewer --threads" : "") + otherwise);
  }
  munmap(block, bytes);
}

template <class Function>
Function optional_function(void* handle, const char* name) {
  return reinterpret_cast<Function>(dlsym(handle, name));
}

template <class Function>
Function required_function(void* handle, const char* name) {
  const auto function = optional_function<Function>(handle, name);
  if (function == nullptr)
    throw Error("cannot use 'libopenblas.so.0': it has no '" + std::string(name) + "'; is it OpenBLAS?");
  return function;
}

void* open_library(const std::string& otherwise) {
  void* handle = dlopen("libopenblas.so.0", RTLD_NOW | RTLD_LOCAL);
  if (handle != nullptr) return handle;
  const char* const text = dlerror();
  const std::string reason = text != nullptr ? text : "unknown reason";
  handle = dlopen("libopenblas.so", RTLD_NOW | RTLD_LOCAL);  // if that is the only name it has
  if (handle != nullptr) return handle;
  throw Error("cannot open OpenBLAS: " + reason + "; install it (Debian's package libopenblas0)" + otherwise);
}

OpenBlas load(const OpenBlasUse& use) {
  check_room(1, use.otherwise);  // some builds take a buffer when they are loaded
  const BlasVariables variables(use.core);
  void* const handle = open_library(use.otherwise);
  return {.sgemm = required_function<decltype(OpenBlas::sgemm)>(handle, "cblas_sgemm"),
          .dgemm = required_function<decltype(OpenBlas::dgemm)>(handle, "cblas_dgemm"),
          .set_num_threads = required_function<decltype(OpenBlas::set_num_threads)>(handle, "openblas_set_num_threads"),
          .get_corename = required_function<decltype(OpenBlas::get_corename)>(handle, "openblas_get_corename"),
          .dgelsd = optional_function<decltype(OpenBlas::dgelsd)>(handle, "dgelsd_"),
          .dpotrf = optional_function<decltype(OpenBlas::dpotrf)>(handle, "dpotrf_"),
          .dpotrs = optional_function<decltype(OpenBlas::dpotrs)>(handle, "dpotrs_"),
          .dynamic_quit = optional_function<void (*)()>(handle, "gotoblas_dynamic_quit"),
          .dynamic_init = optional_function<void (*)()>(handle, "gotoblas_dynamic_init"),
          .memory_alloc = optional_function<void* (*)(int)>(handle, "blas_memory_alloc"),
          .memory_free = optional_function<void (*)(void*)>(handle, "blas_memory_free")};
}

/// Makes OpenBLAS take its buffers now; it keeps them, and takes more only if more products run at once.
void take_buffers(const OpenBlas& blas, int buffers, const std::string& otherwise) {
  check_room(buffers, otherwise);
  if (blas.memory_alloc == nullptr || blas.memory_free == nullptr) return;
  std::vector<void*> taken(static_cast<std::size_t>(buffers));
  for (void*& buffer : taken) buffer = blas.memory_alloc(0);
  for (void* buffer : taken) {
    if (buffer != nullptr) blas.memory_free(buffer);
  }
}

/// Returns whether a product of small integers, which has an exact answer in floats, is right.
bool product_is_right(const OpenBlas& blas) {
  constexpr int kSize = 67;
  constexpr std::size_t kCount = kSize * kSize;
  std::vector<float> a(kCount), b(kCount), c(kCount);
  for (std::size_t i = 0; i < kCount; ++i) {
    a[i] = static_cast<float>(i % 7) - 3;
    b[i] = static_cast<float>(i % 5) - 2;
  }
  blas.sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, kSize, kSize, kSize, 1, a.data(), kSize, b.data(), kSize, 0, c.data(),
             kSize);
  for (std::size_t i = 0; i < kSize; ++i) {
    for (std::size_t j = 0; j < kSize; ++j) {
      float sum = 0;
      for (std::size_t k = 0; k < kSize; ++k) sum += a[i * kSize + k] * b[j * kSize + k];
      if (c[i * kSize + j] != sum) return false;
    }
  }
  return true;
}

/// Corrects OpenBLAS's choice of core, which is wrong in old releases on new CPUs (four times slower).
void select_core(const OpenBlas& blas, const std::string& wanted) {
  blas.set_num_threads(1);
  if (!wanted.empty() && blas.get_corename() != wanted && blas.dynamic_quit != nullptr && blas.dynamic_init != nullptr) {
    const BlasVariables variables(wanted);
    blas.dynamic_quit();
    blas.dynamic_init();
    blas.set_num_threads(1);
  }
  LM_CHECK(product_is_right(blas));
}

}  // namespace

const OpenBlas& open_blas(const OpenBlasUse& use) {
  static std::mutex mutex;
  static std::optional<OpenBlas> blas;
  static int buffers = 0;
  static std::optional<std::string> core;  // that was selected last
  const std::lock_guard lock(mutex);
  if (!blas) blas = load(use);
  if (buffers < use.callers) {
    take_buffers(*blas, use.callers, use.otherwise);
    buffers = use.callers;
  }
  if (!core || (!use.core.empty() && *core != use.core)) {
    select_core(*blas, use.core);
    core = use.core;
  }
  return *blas;
}

}  // namespace lm
