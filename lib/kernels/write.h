// Write: whether a kernel overwrites its output or adds to it. Every backward adds if nothing else is asked for.
#pragma once

namespace lm {

enum class Write { overwrite, add };

}  // namespace lm
