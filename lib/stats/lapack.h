// LAPACK for xtensor-blas, which calls its functions by their names as if they were linked: each name that we need is defined
// here, and calls the OpenBLAS that open_lapack() opened.
#pragma once

namespace lm {

/// Opens OpenBLAS if nothing has. Throws Error if it is missing, or was built without LAPACK.
void open_lapack();

}  // namespace lm
