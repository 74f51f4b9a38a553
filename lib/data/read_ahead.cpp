#include "data/read_ahead.h"

#include <algorithm>

namespace lm {

bool read_ahead(const FileDescriptor& input, std::string& buffer, std::size_t& start, std::size_t size) {
  while (buffer.size() - start < size) {
    buffer.erase(0, start);
    start = 0;
    const std::size_t before = buffer.size();
    buffer.resize(std::max(kReadAhead, size));
    const std::size_t count = read_once(input, buffer.data() + before, buffer.size() - before);
    buffer.resize(before + count);
    if (count == 0) return false;
  }
  return true;
}

}  // namespace lm
