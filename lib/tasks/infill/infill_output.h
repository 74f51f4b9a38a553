// What lm-fim writes of middles: text or JSON.
#pragma once

#include <cstdint>

#include "base/file.h"
#include "tasks/infill/infill.h"
#include "tasks/infill/infill_text.h"

namespace lm {

struct InfillOutput {
  std::int64_t samples = 1;
  bool full = false;       // the whole text, not the middle only
  bool json = false;       // one object a line: keys sample middle tokens end, and text if it is full
  bool ends_line = false;  // of a text that is not JSON; several have a blank line between them
};

/// Samples middles of the text that the infiller has read, and writes them. Text goes out as it comes.
void write_middles(Infiller& infiller, const InfillText& text, const InfillOutput& options, OutputStream& output);

}  // namespace lm
