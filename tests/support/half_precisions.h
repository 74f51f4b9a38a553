// Which 16-bit precisions tests can run here.
#pragma once

#include <doctest/doctest.h>

#include <vector>

#include "kernels/precision.h"

namespace lm::test {

/// Returns the 16-bit precisions that this CPU multiplies; says so if there is none.
inline std::vector<Precision> half_precisions() {
  std::vector<Precision> present;
  for (const Precision precision : {Precision::bf16, Precision::fp16}) {
    if (missing_for(precision, best_simd_tier()).empty()) present.push_back(precision);
  }
  if (present.empty()) MESSAGE("this CPU multiplies no 16-bit floats");
  return present;
}

}  // namespace lm::test
