// The worst of several errors, among which a NaN is worse than any number.
#pragma once

#include <cmath>

namespace lm::test {

/// Returns the worse error. std::max would drop a NaN, and a comparison with a bound would then pass.
inline double worse(double worst, double error) { return std::isnan(worst) || error <= worst ? worst : error; }

}  // namespace lm::test
