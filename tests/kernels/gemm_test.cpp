// The micro-kernels themselves, even if OpenBLAS serves the products of their tier instead.
#include "kernels/cpu/tiers.h"
#include "kernels/kernel_support.h"

using namespace lm;
using lm::test::Tensor;

namespace {

struct Form {
  bool a_transposed, b_transposed, add;
};

template <class T>
void check_product(SimdTier tier, std::int64_t m, std::int64_t n, std::int64_t k, Form form, double tolerance) {
  CAPTURE(to_string(tier));
  CAPTURE(m);
  CAPTURE(n);
  CAPTURE(k);
  CAPTURE(form.a_transposed);
  CAPTURE(form.b_transposed);
  const GemmKernels<T>& kernels = simd_kernels<T>(tier).gemm;
  // Rows of operands are longer than they need be: what lies between must not count.
  const std::int64_t a_stride = (form.a_transposed ? m : k) + 3, b_stride = (form.b_transposed ? k : n) + 5,
                     c_stride = n + 2;
  const auto a = Tensor<T>::random({form.a_transposed ? k : m, a_stride}, 1);
  const auto b = Tensor<T>::random({form.b_transposed ? n : k, b_stride}, 2);
  auto c = Tensor<T>::random({m, c_stride}, 3);
  Tensor<double> expected = c.template as<double>();
  for (std::int64_t i = 0; i < m; ++i) {
    for (std::int64_t j = 0; j < n; ++j) {
      double sum = form.add ? expected[i * c_stride + j] : 0;
      for (std::int64_t l = 0; l < k; ++l) {
        sum += static_cast<double>(a[form.a_transposed ? l * a_stride + i : i * a_stride + l]) *
               static_cast<double>(b[form.b_transposed ? j * b_stride + l : l * b_stride + j]);
      }
      expected[i * c_stride + j] = sum;
    }
  }
  constexpr T kCanary = 12345;
  const std::int64_t asked = kernels.scratch_elements(m, n);
  std::vector<T> scratch(static_cast<std::size_t>(asked) + 64, kCanary);
  const auto offset = static_cast<std::int64_t>(reinterpret_cast<std::uintptr_t>(scratch.data()) / sizeof(T) % 16);
  T* aligned = scratch.data() + (16 - offset) % 16;
  kernels.multiply({c.values.data(), c_stride}, {a.values.data(), a_stride, form.a_transposed},
                   {b.values.data(), b_stride, form.b_transposed}, {m, n, k}, form.add, aligned);
  CHECK(lm::test::distance(c.values, expected.values) < tolerance);
  CHECK(std::all_of(aligned + asked, scratch.data() + scratch.size(), [](T value) { return value == kCanary; }));
}

}  // namespace

TEST_CASE("a tile's product is right for every form and remainder, and keeps inside the scratch that it asks for") {
  for (const SimdTier tier : lm::test::tiers()) {
    for (const bool a_transposed : {false, true}) {
      for (const bool b_transposed : {false, true}) {
        const Form set{a_transposed, b_transposed, false}, sum{a_transposed, b_transposed, true};
        for (std::int64_t size = 1; size <= 40; ++size) {
          check_product<float>(tier, size, 1 + size * 7 % 40, 1 + size * 11 % 37, set, lm::test::kFloatTolerance);
          check_product<float>(tier, 1 + size * 5 % 33, size, 17, sum, lm::test::kFloatTolerance);
          check_product<double>(tier, size, 1 + size * 7 % 40, 1 + size * 11 % 37, sum, lm::test::kDoubleTolerance);
        }
        check_product<float>(tier, 170, 130, 20, sum, lm::test::kFloatTolerance);
        check_product<float>(tier, 85, 100, 1100, set, lm::test::kFloatTolerance);
        check_product<double>(tier, 90, 65, 600, set, lm::test::kDoubleTolerance);
      }
    }
  }
}

TEST_CASE("an element's bits do not depend on the other rows and columns") {
  for (const SimdTier tier : lm::test::tiers()) {
    const GemmKernels<float>& kernels = simd_kernels<float>(tier).gemm;
    const std::int64_t m = 100, n = 70, k = 700;
    const auto a = Tensor<float>::random({m, k}, 1), b = Tensor<float>::random({n, k}, 2);
    Tensor<float> whole({m, n});
    Compute compute(1, tier);
    float* scratch = compute.scratch<float>(0, kernels.scratch_elements(m, n));
    kernels.multiply({whole.values.data(), n}, {a.values.data(), k}, {b.values.data(), k, true}, {m, n, k}, false, scratch);
    for (const std::int64_t row : {0, 13, 57, 99}) {
      for (const std::int64_t column : {0, 15, 40, 69}) {
        float alone = 0;
        kernels.multiply({&alone, 1}, {&a.values[static_cast<std::size_t>(row * k)], k},
                         {&b.values[static_cast<std::size_t>(column * k)], k, true}, {1, 1, k}, false, scratch);
        CHECK(alone == whole[row * n + column]);
      }
    }
  }
}
