// The hash of a file's bytes, such as those of the program that runs or of a library that it has loaded.
#pragma once

#include <string>

#include "base/token.h"

namespace lm {

/// Returns the XXH3-128 of a file's bytes. Throws Error.
Fingerprint hash_of_file(const std::string& path);

/// Returns that of the library, or of the program, whose code is at this address. Throws Error.
Fingerprint hash_of_code(const void* address);

}  // namespace lm
