#include "base/written.h"

#include "base/error.h"

namespace lm {

void refuse_written(std::string_view name, const std::string& why) {
  throw Error("cannot write '" + std::string(name) + "': what was written, read back, " + why +
              "; that is a fault of this program or of the disk, so nothing was replaced");
}

void check_written_text(const FileDescriptor& written, const std::string& text) {
  if (FileContent::read(written, {.bytes = text.size(), .kind = "what was written"}).text() != text)
    refuse_written(written.name(), "is not the same");
}

}  // namespace lm
