// Write: whether a kernel replaces its output or adds to it. Every backward adds unless it is told to overwrite.
#pragma once

namespace lm {

enum class Write { overwrite, add };

}  // namespace lm
