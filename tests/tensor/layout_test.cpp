#include "tensor/layout.h"

#include <doctest/doctest.h>

using namespace lm;

namespace {

struct Views {
  TensorView<float> matrix, vector, heads;
  std::uint16_t* halves = nullptr;

  void lay_out(Layout& layout) {
    layout.place(matrix, 3, 5);
    layout.place(vector, 17);
    halves = layout.take<std::uint16_t>(33);
    layout.place(heads, 2, 3, 4);
  }
};

}  // namespace

TEST_CASE("a list that is only measured gives shapes and bytes, but no data") {
  Views views;
  Layout layout;
  views.lay_out(layout);
  CHECK(views.matrix.empty());
  CHECK(views.matrix.rows() == 3);
  CHECK(views.matrix.columns() == 5);
  CHECK(views.heads.dim(2) == 4);
  CHECK(views.halves == nullptr);
  CHECK(layout.bytes() == 64 + 128 + 128 + 128);
  CHECK(view_bytes([&](Layout& l) { views.lay_out(l); }) == Arena<float>::bytes(layout.position<float>()));
}

TEST_CASE("placed views begin on lines of the cache, one after the other, and end with their arena") {
  Views views;
  const Arena<float> arena = place_views<float>([&](Layout& layout) { views.lay_out(layout); });
  CHECK(views.matrix.data() == arena.data());
  CHECK(views.vector.data() == arena.at(16));
  CHECK(reinterpret_cast<float*>(views.halves) == arena.at(48));
  CHECK(views.heads.data() == arena.at(80));
  CHECK(arena.size() == 112);
}

TEST_CASE("appended neighbours leave no gap, so that one view joins them") {
  Arena<float> arena(64);
  Layout layout(arena.data());
  layout.append<float>(6);
  layout.append<float>(9);
  CHECK(layout.position<float>() == 15);
  CHECK(layout.at<float>(6) == arena.at(6));
  layout.align();
  CHECK(layout.append<float>(1) == arena.at(16));
}
