#include "kernels/muon.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "kernels/cpu/products/multiply_tile.h"
#include "kernels/cpu/tiers.h"
#include "kernels/cpu/tiling.h"

namespace lm {

namespace {

/// One iteration x <- (a + b x x^T + c (x x^T)^2) x.
struct Quintic {
  double a, b, c;
};

/// Each brings singular values as close to 1 as it can from where the one before left them, the first from [0.01, 1]:
/// algorithm 1 of Polar Express, arXiv:2505.16932. In the end they are within 0.27 of 1, as near as five of Jordan's
/// iterations bring them, and models train as well with either.
constexpr std::array<Quintic, 3> kIterations = {{{8.093368512548258, -23.62043032882428, 17.446151749836254},
                                                 {3.6365855542590406, -2.721926746608907, 0.5365462883273611},
                                                 {2.661299985777099, -1.9771545218846247, 0.45261640699640104}}};
/// Keeps rounding from lifting the largest singular value above 1, where the first iteration would send it away.
constexpr double kMargin = 1.01;
/// Norms below it count as zero.
constexpr double kSmallestNorm = 1e-7;
constexpr double kUpdateSize = 0.2;

enum class Part { whole, lower };
/// Columns of a product's tile.
constexpr std::int64_t kColumns = 64;

/// c = a b or c += a b, or, if the result is symmetric, only its lower half (and some more).
template <class T>
void multiply(Compute& compute, int worker, T* c, const Operand<T>& a, const Operand<T>& b, ProductShape shape, Part part,
              bool add = false) {
  for (std::int64_t j = 0; j < shape.n; j += kColumns) {
    const std::int64_t first = part == Part::lower ? j : 0;
    multiply_tile(compute, worker, Strided<T>{c + first * shape.n + j, shape.n},
                  Operand<T>{a.transposed ? a.data + first : a.data + first * a.stride, a.stride, a.transposed},
                  Operand<T>{b.transposed ? b.data + j * b.stride : b.data + j, b.stride, b.transposed},
                  {shape.m - first, std::min(kColumns, shape.n - j), shape.depth}, add);
  }
}

/// The inverse square root of x's Gram matrix: the symmetric matrix q with q x (or x q if x has more rows
/// than columns) = the polar factor of x. All matrices on the way are polynomials of the Gram matrix g: they commute, are
/// symmetric, and small. After an iteration with p = a + b g + c g^2, q becomes q p and g becomes p g p.
template <class T>
class GramIteration {
 public:
  GramIteration(Compute& compute, int worker, std::int64_t size, T* workspace)
      : compute_(compute),
        kernels_(simd_kernels<T>(compute.simd())),
        worker_(worker),
        size_(size),
        gram_(workspace),
        polynomial_(gram_ + size * size),
        product_(polynomial_ + size * size),
        spare_(product_ + size * size) {}
  static std::int64_t workspace(std::int64_t size) { return 4 * size * size; }

  /// Returns q times `factor`, valid until the next call.
  const T* run(TensorView<const T> x, double factor) {
    start(x);
    const double norm = std::sqrt(std::sqrt(kernels_.elementwise.sum_of_squares(gram_, size_ * size_)));
    const double inverse = 1 / (kMargin * norm + kSmallestNorm);
    kernels_.elementwise.scale(gram_, static_cast<T>(inverse * inverse), size_ * size_);
    for (std::size_t i = 0; i < kIterations.size(); ++i) iterate(kIterations[i], i == 0, i + 1 == kIterations.size());
    kernels_.elementwise.scale(product_, static_cast<T>(factor * inverse), size_ * size_);
    return product_;
  }

 private:
  /// g = x x^T or x^T x. Its Frobenius norm bounds the square of x's largest singular value more closely than x's own does.
  void start(TensorView<const T> x) {
    const bool wide = x.columns() >= x.rows();
    const Operand<T> by_rows{x.data(), x.columns(), !wide}, by_columns{x.data(), x.columns(), wide};
    multiply(compute_, worker_, gram_, by_rows, by_columns, {size_, size_, std::max(x.rows(), x.columns())}, Part::lower);
    kernels_.muon.mirror(gram_, size_);
  }

  void symmetric_product(T* c, const T* a, const T* b) {
    multiply(compute_, worker_, c, Operand<T>{a, size_}, Operand<T>{b, size_}, {size_, size_, size_}, Part::lower);
    kernels_.muon.mirror(c, size_);
  }

  void iterate(const Quintic& quintic, bool first, bool last) {
    T* p = polynomial_;
    symmetric_product(p, gram_, gram_);
    kernels_.muon.combine(p, gram_, static_cast<T>(quintic.c), static_cast<T>(quintic.b), size_ * size_);
    for (std::int64_t i = 0; i < size_; ++i) p[i * size_ + i] += static_cast<T>(quintic.a);
    if (!last) {
      symmetric_product(spare_, gram_, p);
      symmetric_product(gram_, spare_, p);
    }
    if (first) {
      std::swap(product_, polynomial_);
    } else {
      symmetric_product(spare_, product_, p);
      std::swap(product_, spare_);
    }
  }

  Compute& compute_;
  const SimdKernels<T>& kernels_;
  int worker_;
  std::int64_t size_;
  T *gram_, *polynomial_, *product_, *spare_;  // (size, size) each
};

/// y += factor * the polar factor of x.
template <class T>
void add_polar_factor(Compute& compute, int worker, T* y, TensorView<const T> x, double factor, T* workspace) {
  const std::int64_t rows = x.rows(), columns = x.columns(), size = std::min(rows, columns);
  const T* q = GramIteration<T>(compute, worker, size, workspace).run(x, factor);
  const Operand<T> left{q, size}, right{x.data(), columns};
  const ProductShape shape{rows, columns, size};
  multiply(compute, worker, y, columns >= rows ? left : right, columns >= rows ? right : left, shape, Part::whole, true);
}

}  // namespace

template <class T>
void orthogonalise(Compute& compute, TensorView<T> y, TensorView<const T> x) {
  LM_CHECK(x.contiguous() && y.contiguous() && x.rows() == y.rows() && x.columns() == y.columns());
  T* workspace = compute.shared_scratch<T>(GramIteration<T>::workspace(std::min(x.rows(), x.columns())));
  compute.pool().run(1, [&](std::int64_t, int worker) {
    std::fill_n(y.data(), y.size(), T{0});
    add_polar_factor(compute, worker, y.data(), x, 1.0, workspace);
  });
}

namespace {

/// Returns the elements of one worker's update and workspace.
template <class T>
std::int64_t worker_elements(std::int64_t rows, std::int64_t columns) {
  return rows * columns + GramIteration<T>::workspace(std::min(rows, columns));
}

}  // namespace

template <class T>
ScratchSize muon_scratch(SimdTier tier, int threads, std::int64_t rows, std::int64_t columns) {
  const std::int64_t size = std::min(rows, columns);
  std::int64_t tile = 0;
  for (std::int64_t j = 0; j < size; j += kColumns)
    tile = std::max(tile, multiply_tile_scratch<T>(tier, size - j, std::min(kColumns, size - j)));
  for (const std::int64_t count : {std::min(kColumns, columns), columns % kColumns})
    tile = std::max(tile, multiply_tile_scratch<T>(tier, rows, count));
  constexpr auto kSize = static_cast<std::int64_t>(sizeof(T));
  return {.worker = kSize * tile, .shared = kSize * worker_elements<T>(rows, columns) * threads};
}

template <class T>
void muon(Compute& compute, std::span<const MuonMatrix<T>> matrices, const MuonStep& step) {
  std::int64_t largest = 0;  // elements of one worker's update and workspace
  for (const MuonMatrix<T>& matrix : matrices) {
    const TensorView<T>& weight = matrix.weight;
    LM_CHECK(weight.contiguous() && matrix.moment.contiguous() && matrix.gradient.contiguous());
    LM_CHECK(matrix.moment.size() == weight.size() && matrix.gradient.size() == weight.size());
    largest = std::max(largest, worker_elements<T>(weight.rows(), weight.columns()));
  }
  const SimdKernels<T>& kernels = simd_kernels<T>(compute.simd());
  T* scratch = compute.shared_scratch<T>(largest * compute.pool().threads());
  const T gradient_fraction = static_cast<T>((1 - step.momentum) * step.gradient_scale);
  compute.pool().run(static_cast<std::int64_t>(matrices.size()), [&](std::int64_t i, int worker) {
    const MuonMatrix<T>& matrix = matrices[static_cast<std::size_t>(i)];
    const std::int64_t rows = matrix.weight.rows(), columns = matrix.weight.columns(), size = rows * columns;
    T* update = scratch + worker * largest;
    kernels.muon.nesterov(update, matrix.moment.data(), matrix.gradient.data(), size, static_cast<T>(step.momentum),
                          gradient_fraction);
    kernels.elementwise.scale(matrix.weight.data(), static_cast<T>(1 - step.learning_rate * step.weight_decay), size);
    const double reach = kUpdateSize * std::sqrt(static_cast<double>(std::max(rows, columns)));
    add_polar_factor(compute, worker, matrix.weight.data(), TensorView<const T>(update, rows, columns),
                     -step.learning_rate * reach, update + size);
  });
}

template void orthogonalise(Compute&, TensorView<float>, TensorView<const float>);
template void orthogonalise(Compute&, TensorView<double>, TensorView<const double>);
template ScratchSize muon_scratch<float>(SimdTier, int, std::int64_t, std::int64_t);
template ScratchSize muon_scratch<double>(SimdTier, int, std::int64_t, std::int64_t);
template void muon(Compute&, std::span<const MuonMatrix<float>>, const MuonStep&);
template void muon(Compute&, std::span<const MuonMatrix<double>>, const MuonStep&);

}  // namespace lm
