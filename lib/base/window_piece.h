// A stretch of a document inside a window, as data cuts it and objectives rearrange it.
#pragma once

#include <cstdint>

namespace lm {

struct WindowPiece {
  std::int64_t begin = 0;  // [begin, end) of the window's tokens, the document's end-of-text not included
  std::int64_t end = 0;
  bool ends_document = false;  // the document's end-of-text follows
};

}  // namespace lm
