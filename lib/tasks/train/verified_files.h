// Which rank of a run verifies a file that each of them reads: one of those that have the same file.
#pragma once

#include <string>

#include "train/ranks/ranks.h"

namespace lm {

// Each rank opens files under their names, which may lead to one file that all see, or to copies, of which any may be damaged. To
// verify is to read all of it: done by every rank, one file on a server would be read as often as there are ranks; done by one, a
// copy elsewhere would be trusted unseen. Whether two ranks have the same file is seen by what stat(2) says of it, which is sound
// only inside a system, or of a file system that is a network's: files on the disks of two machines may have the same number,
// size and times, if a script has copied them at the same time.

/// Returns whether this rank is to verify the file at `path`: it is the lowest of those that have the same file, the same number,
/// size, and times of the last changes of content and of status, on the same device of one system or on a file system of the
/// network. What is no regular file is verified by each. All ranks must call it at the same time; nothing is read.
bool is_to_verify(Ranks& ranks, const std::string& path);

}  // namespace lm
