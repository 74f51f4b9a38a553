// Token files of a run of several ranks: shared files are read by each, a pipe by rank 0, which deals its tokens out.
#pragma once

#include <string>

#include "data/token_file.h"
#include "train/ranks/ranks.h"

namespace lm {

struct DealtTokens {
  TokenFile file;
  bool shared = true;  // each rank has opened the file itself; false: it spooled what was dealt
};

/// Opens a token file as TokenFile::open() does. What is no regular file for rank 0 is read by rank 0; every rank spools it to
/// an unlinked file of its own. Throws Error; what one rank fails to open, all fail to open.
DealtTokens open_dealt(Ranks& ranks, const std::string& path, const std::string& spool_folder);

}  // namespace lm
