// A run that several ranks share: how it fails. One rank reports, and all of them end.
#pragma once

#include <functional>

#include "train/ranks/ranks.h"

namespace lm::cmd {

/// Returns what body() returns. If it throws and there are other ranks, reports the exception and ends all of them; what several
/// ranks meet is left to the lowest. Of one process, the exception passes.
int run_shared(Ranks& ranks, const std::function<int()>& body);

}  // namespace lm::cmd
