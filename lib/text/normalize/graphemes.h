// The borders of grapheme clusters (Unicode Standard Annex 29, extended clusters).
#pragma once

#include "text/normalize/tables.h"

namespace lm {

/// Returns the end of the cluster at the start of [at, end), which is not empty. What is not UTF-8 is a cluster by itself.
const char* cluster_end(const char* at, const char* end);

}  // namespace lm
