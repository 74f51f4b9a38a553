// Includes PairTable and MergePair from their room.
#pragma once

#include "text/vocabulary/pair_table.h"  // IWYU pragma: export
