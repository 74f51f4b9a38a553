// OpenBLAS's choice of core, which old releases get wrong on new CPUs (four times slower), put right while running.
#include <cblas.h>
#include <dlfcn.h>

#include <cmath>
#include <cstdlib>
#include <mutex>
#include <optional>
#include <vector>

#include "base/error.h"
#include "kernels/compute.h"

namespace lm {

namespace {

/// Empty where OpenBLAS's own choice stands: the trap is one of x86.
std::string wanted_core(SimdTier tier) {
#if !defined(__x86_64__)
  if (tier == SimdTier::portable) return {};
#endif
  switch (tier) {
    case SimdTier::avx512:
      return "SkylakeX";
    case SimdTier::avx2:
      return "Haswell";
    case SimdTier::portable:
      break;
  }
  return "Prescott";
}

/// Sets or unsets a variable of the environment, and puts back what was there: OpenBLAS's dispatcher reads nothing else.
class ScopedVariable {
 public:
  ScopedVariable(const char* name, const char* value) : name_(name) {
    if (const char* before = std::getenv(name)) before_ = before;
    if (value != nullptr) {
      setenv(name, value, 1);
    } else {
      unsetenv(name);
    }
  }
  ~ScopedVariable() {
    if (before_) {
      setenv(name_, before_->c_str(), 1);
    } else {
      unsetenv(name_);
    }
  }
  ScopedVariable(const ScopedVariable&) = delete;
  ScopedVariable& operator=(const ScopedVariable&) = delete;

 private:
  const char* name_;
  std::optional<std::string> before_;
};

/// A product with an exact answer in floats: small integers.
bool product_is_right() {
  constexpr int kSize = 67;
  constexpr std::size_t kCount = kSize * kSize;
  std::vector<float> a(kCount), b(kCount), c(kCount);
  for (std::size_t i = 0; i < kCount; ++i) {
    a[i] = static_cast<float>(i % 7) - 3;
    b[i] = static_cast<float>(i % 5) - 2;
  }
  cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, kSize, kSize, kSize, 1, a.data(), kSize, b.data(), kSize, 0, c.data(),
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

}  // namespace

std::string blas_core_name() { return openblas_get_corename(); }

std::string select_blas_core(SimdTier tier) {
  static std::mutex mutex;
  const std::lock_guard lock(mutex);
  openblas_set_num_threads(1);
  const std::string wanted = wanted_core(tier);
  if (wanted.empty() || blas_core_name() == wanted) return blas_core_name();
  // Exported by every build with dynamic cores; absent in one that was built for a single core, which then serves as it is.
  const auto quit = reinterpret_cast<void (*)()>(dlsym(RTLD_DEFAULT, "gotoblas_dynamic_quit"));
  const auto init = reinterpret_cast<void (*)()>(dlsym(RTLD_DEFAULT, "gotoblas_dynamic_init"));
  if (quit == nullptr || init == nullptr) return blas_core_name();
  {
    const ScopedVariable core("OPENBLAS_CORETYPE", wanted.c_str());
    const ScopedVariable cache("OPENBLAS_L2_SIZE", nullptr);
    const ScopedVariable verbose("OPENBLAS_VERBOSE", nullptr);
    quit();
    init();
  }
  openblas_set_num_threads(1);
  LM_CHECK(product_is_right());
  return blas_core_name();
}

}  // namespace lm
