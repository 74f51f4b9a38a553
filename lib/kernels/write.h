// Write: whether a kernel overwrites its output or adds to it. A backward adds unless it is asked for something else, or
// works in place.
#pragma once

namespace lm {

enum class Write { overwrite, add };

}  // namespace lm
