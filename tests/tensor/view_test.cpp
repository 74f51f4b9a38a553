#include "tensor/view.h"

#include <doctest/doctest.h>

#include <vector>

#include "tensor/arena.h"

using namespace lm;

namespace {

std::vector<float> counted(std::int64_t size) {
  std::vector<float> values;
  for (std::int64_t i = 0; i < size; ++i) values.push_back(static_cast<float>(i));
  return values;
}

}  // namespace

TEST_CASE("a view is row-major and addresses every element once") {
  auto values = counted(2 * 3 * 4 * 5);
  const TensorView<float> view(values.data(), 2, 3, 4, 5);
  CHECK(view.size() == 120);
  CHECK(view.contiguous());
  float expected = 0;
  for (std::int64_t a = 0; a < 2; ++a) {
    for (std::int64_t b = 0; b < 3; ++b) {
      for (std::int64_t c = 0; c < 4; ++c) {
        for (std::int64_t d = 0; d < 5; ++d) CHECK(view(a, b, c, d) == expected++);
      }
    }
  }
}

TEST_CASE("columns of a fused product split into heads, and rows into sequences, without moving a value") {
  // (batch 2 * time 3, 10 columns): columns 4 .. 10 are 3 heads of 2.
  auto values = counted(6 * 10);
  const TensorView<float> matrix(values.data(), 6, 10);
  const auto heads = matrix.columns(4, 6).split_columns(3);
  CHECK_FALSE(heads.contiguous());
  CHECK(heads(5, 2, 1) == 59);
  const auto sequences = heads.split_rows(2);
  CHECK(sequences.rank() == 4);
  CHECK(sequences.dim(1) == 3);
  for (std::int64_t b = 0; b < 2; ++b) {
    for (std::int64_t t = 0; t < 3; ++t) {
      for (std::int64_t h = 0; h < 3; ++h) {
        for (std::int64_t d = 0; d < 2; ++d)
          CHECK(sequences(b, t, h, d) == static_cast<float>((b * 3 + t) * 10 + 4 + h * 2 + d));
      }
    }
  }
}

TEST_CASE("a view that cannot be split evenly is refused") {
  auto values = counted(12);
  const TensorView<float> matrix(values.data(), 3, 4);
  CHECK_THROWS_AS(matrix.split_columns(3), InternalError);
  CHECK_THROWS_AS(matrix.split_columns(2).split_rows(2), InternalError);
}

TEST_CASE("a range of rows keeps its place, and one row of a strided view counts as contiguous") {
  auto values = counted(20);
  const TensorView<const float> matrix = TensorView<float>(values.data(), 5, 4);
  CHECK(matrix.rows(2, 2)(1, 3) == 15);
  CHECK(matrix.columns(1, 2).rows(3, 1).contiguous());
  CHECK_FALSE(matrix.columns(1, 2).contiguous());
  CHECK(TensorView<float>().empty());
}

TEST_CASE("an arena is zeroed and aligned") {
  const Arena<float> arena(100'003);
  CHECK(reinterpret_cast<std::uintptr_t>(arena.data()) % 64 == 0);
  double sum = 0;
  for (std::int64_t i = 0; i < arena.size(); ++i) sum += static_cast<double>(*arena.at(i) * *arena.at(i));
  CHECK(sum == 0);
  CHECK(Arena<float>(0).size() == 0);
}
