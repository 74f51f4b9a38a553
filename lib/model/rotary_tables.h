// RotaryTables: the cosines and sines of a model's rotations.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "kernels/rotary.h"
#include "model/config.h"
#include "tensor/layout.h"
#include "tensor/view.h"

namespace lm {

/// Returns the angles a position, in radians, of the pairs of a rotation of `dim` channels; with f_i = theta^(-2i / dim):
///   none, dynamic  f_i (dynamic differs from it only beyond the model's context)
///   linear         f_i / factor                                                    arXiv:2306.15595
///   llama3         f_i, f_i / factor, or between them, by the turns that pair i makes in the original context:
///                  at least high_frequency, at most low_frequency, or between       Llama 3.1
///   yarn           f_i (1 - r_i) + f_i / factor r_i, r_i rising linearly from 0 to 1 between the pairs that make fast_turns
///                  and slow_turns in the original context                           arXiv:2309.00071
///   longrope       f_i / long_factors[i] in sequences longer than the original context, else f_i / short_factors[i]
///                                                                                   arXiv:2402.13753
std::vector<double> rotary_frequencies(const Rotary& rotary, std::int64_t dim, bool beyond_original);

/// A rotation's table; empty for Rotation::none.
template <class T>
struct RotaryTable {
  TensorView<T> cosine, sine;  // (positions, dim/2)
};

/// The tables of the rotations that some layer uses, for positions up to a length.
template <class T>
class RotaryTables {
 public:
  /// Places the tables; fill() computes them once there is memory.
  void place(Layout& layout, const ModelConfig& config, std::int64_t positions);
  void fill(const ModelConfig& config);
  /// Returns the table for a sequence of so many tokens, on whose length some scalings depend.
  const RotaryTable<T>& of(Rotation rotation, std::int64_t length) const;

 private:
  struct Tables {
    std::int64_t original = 0;  // longer sequences use `beyond`
    RotaryTable<T> within, beyond;
  };
  RotaryTable<T> none_;
  std::array<Tables, 2> tables_;  // global, local
};

/// Returns whether a sequence's keys are rotated otherwise in a sequence of another length.
bool rotation_changes(const ModelConfig& config, std::int64_t from, std::int64_t to);

}  // namespace lm
