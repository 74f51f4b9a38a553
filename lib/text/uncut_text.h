// The limit on text that is held because no place to cut it into pretokens has come.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>

#include "base/error.h"
#include "base/file.h"

namespace lm {

/// A text, or a device without end, that continues too long without a place to cut it. Whoever knows its name adds that.
class UncutText : public Error {
 public:
  using Error::Error;
};

/// Throws UncutText if more bytes than a text may have are held because no pretoken of them is certain to end.
inline void refuse_uncut(std::size_t held) {
  if (held <= kTextLimit.bytes) return;
  throw UncutText("more than " + std::to_string(kTextLimit.bytes >> 20U) + " MiB of it have no place to cut them");
}

/// Returns at how many bytes to look again at those that are held: at twice as many, so that a long stretch is looked at a
/// few times only, but no later than they are too many.
inline std::size_t next_look(std::size_t held) { return std::min<std::size_t>(2 * held, kTextLimit.bytes + 1); }

}  // namespace lm
