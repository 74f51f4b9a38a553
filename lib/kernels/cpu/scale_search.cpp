#include "kernels/cpu/scale_search.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>

namespace lm {

// Compiled without fused multiply-adds, and sums are taken in order: the same scales on every machine, and ggml's.

namespace {

constexpr float kTooSmall = 1e-15F;  // where ggml takes a block to be zeros
constexpr std::size_t kLongest = 32;

/// The sums from which follow the scale of least error, and by how much it lessens that of scale 0.
struct Fit {
  float xl = 0, l2 = 0;  // sums of w x l and w l^2
  void add(float w, float x, float l) {
    xl += w * x * l;
    l2 += w * l * l;
  }
  float scale() const { return l2 > 0 ? xl / l2 : 0.0F; }
  bool improves(float gain) const { return l2 > 0 && xl * xl > gain * l2; }
};

int code_of(float inverse, float x, int middle) { return std::clamp(nearest_integer(inverse * x), -middle, middle - 1); }

void fill_codes(std::span<std::uint8_t> codes, std::span<const float> x, float inverse, int middle) {
  for (std::size_t i = 0; i < x.size(); ++i) codes[i] = static_cast<std::uint8_t>(code_of(inverse, x[i], middle) + middle);
}

Fit fit_of(std::span<const float> x, std::span<const float> weights, float inverse, int middle) {
  Fit fit;
  for (std::size_t i = 0; i < x.size(); ++i) fit.add(weights[i], x[i], static_cast<float>(code_of(inverse, x[i], middle)));
  return fit;
}

float squared_error(std::span<const float> x, std::span<const float> weights, std::span<const std::uint8_t> codes,
                    float scale, float least) {
  float error = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const float difference = scale * static_cast<float>(codes[i]) + least - x[i];
    error += weights[i] * (difference * difference);
  }
  return error;
}

/// Sums over values that do not depend on their codes.
struct Moments {
  float w = 0, x = 0;  // sums of w and w x
};

/// Returns scale and least value that fit the codes best; nothing if these do not differ.
bool fit_affine(std::span<const float> x, std::span<const float> weights, std::span<const std::uint8_t> codes, Moments sums,
                float& scale, float& least) {
  float l = 0, l2 = 0, xl = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const float code = static_cast<float>(codes[i]), weighted = weights[i] * code;
    l += weighted;
    l2 += weighted * code;
    xl += weighted * x[i];
  }
  const float determinant = sums.w * l2 - l * l;
  if (!(determinant > 0)) return false;
  scale = (sums.w * xl - sums.x * l) / determinant;
  least = (l2 * sums.x - l * xl) / determinant;
  if (least > 0) {  // the format only subtracts
    least = 0;
    scale = xl / l2;
  }
  return true;
}

/// Tries a better code for each value with the scale that the others alone would have; returns whether one was found.
bool move_codes(std::span<const float> x, std::span<const float> weights, int last, std::span<std::uint8_t> codes,
                Fit& fit) {
  bool moved = false;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const float w = weights[i], code = static_cast<float>(codes[i]);
    Fit others = {.xl = fit.xl - w * x[i] * code, .l2 = fit.l2 - w * code * code};
    if (!(others.xl > 0 && others.l2 > 0)) continue;
    const int better = nearest_integer(std::min(static_cast<float>(last), x[i] * others.l2 / others.xl));
    if (better == codes[i]) continue;
    others.add(w, x[i], static_cast<float>(better));
    if (!(others.xl * others.xl * fit.l2 > fit.xl * fit.xl * others.l2)) continue;
    codes[i] = static_cast<std::uint8_t>(better);
    fit = others;
    moved = true;
  }
  return moved;
}

}  // namespace

float search_scale(std::span<const float> x, std::span<const float> weights, int middle, std::span<std::uint8_t> codes) {
  constexpr int kSteps = 9;
  float extreme = 0;
  for (const float value : x) extreme = std::abs(value) > std::abs(extreme) ? value : extreme;
  std::fill(codes.begin(), codes.end(), std::uint8_t{0});
  if (std::abs(extreme) < kTooSmall) return 0;
  float best_inverse = -static_cast<float>(middle) / extreme;
  const Fit first = fit_of(x, weights, best_inverse, middle);
  float scale = first.scale(), gain = scale * first.xl;
  for (int step = -kSteps; step <= kSteps; ++step) {
    if (step == 0) continue;
    const float inverse = -(static_cast<float>(middle) + 0.1F * static_cast<float>(step)) / extreme;
    const Fit fit = fit_of(x, weights, inverse, middle);
    if (!fit.improves(gain)) continue;
    best_inverse = inverse;
    scale = fit.scale();
    gain = scale * fit.xl;
  }
  fill_codes(codes, x, best_inverse, middle);
  return scale;
}

Affine search_affine(std::span<const float> x, std::span<const float> weights, int last, std::span<std::uint8_t> codes) {
  constexpr int kSteps = 36;
  constexpr float kFirst = -0.9F, kStep = 0.05F;
  Moments sums;
  float least = x[0], largest = x[0];
  for (std::size_t i = 0; i < x.size(); ++i) {
    least = std::min(least, x[i]);
    largest = std::max(largest, x[i]);
    sums.w += weights[i];
    sums.x += weights[i] * x[i];
  }
  least = std::min(least, 0.0F);
  std::fill(codes.begin(), codes.end(), std::uint8_t{0});
  if (largest <= least) return {.scale = 0, .offset = -least};
  std::array<std::uint8_t, kLongest> room{};
  const std::span<std::uint8_t> tried(room.data(), x.size());
  const auto round_all = [&](float inverse, std::span<std::uint8_t> to) {
    for (std::size_t i = 0; i < x.size(); ++i)
      to[i] = static_cast<std::uint8_t>(std::clamp(nearest_integer(inverse * (x[i] - least)), 0, last));
  };
  const float first = static_cast<float>(last) / (largest - least);
  float scale = 1 / first;
  round_all(first, codes);
  float best = squared_error(x, weights, codes, scale, least);
  for (int step = 0; step <= kSteps; ++step) {
    // From the least value of the best so far, as ggml has it.
    const float inverse = (kFirst + kStep * static_cast<float>(step) + static_cast<float>(last)) / (largest - least);
    round_all(inverse, tried);
    float tried_scale = 0, tried_least = 0;
    if (!fit_affine(x, weights, tried, sums, tried_scale, tried_least)) continue;
    const float error = squared_error(x, weights, tried, tried_scale, tried_least);
    if (!(error < best)) continue;
    std::copy(tried.begin(), tried.end(), codes.begin());
    best = error;
    scale = tried_scale;
    least = tried_least;
  }
  return {.scale = scale, .offset = -least};
}

float search_positive_scale(std::span<const float> x, std::span<const float> weights, int last,
                            std::span<std::uint8_t> codes) {
  constexpr int kSteps = 4, kRounds = 5;
  const float largest = *std::max_element(x.begin(), x.end());
  std::fill(codes.begin(), codes.end(), std::uint8_t{0});
  if (largest < kTooSmall) return 0;
  const auto round_all = [&](float inverse) {
    for (std::size_t i = 0; i < x.size(); ++i)
      codes[i] = static_cast<std::uint8_t>(std::clamp(nearest_integer(inverse * x[i]), 0, last));
  };
  float best_inverse = 0, best = 0;
  for (const int step : {0, -4, -3, -2, -1, 1, 2, 3, kSteps}) {
    const float inverse = (0.1F * static_cast<float>(step) + static_cast<float>(last)) / largest;
    round_all(inverse);
    const float error = squared_error(x, weights, codes, 1 / inverse, 0);
    if (step != 0 && !(error < best)) continue;
    best = error;
    best_inverse = inverse;
  }
  round_all(best_inverse);
  Fit fit;
  for (std::size_t i = 0; i < x.size(); ++i) fit.add(weights[i], x[i], static_cast<float>(codes[i]));
  for (int round = 0; round < kRounds && move_codes(x, weights, last, codes, fit); ++round) {
  }
  return fit.scale();
}

}  // namespace lm
