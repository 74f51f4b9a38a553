#include "tasks/infill/infill_input.h"

#include <cstddef>
#include <string_view>

#include "base/path.h"

namespace lm {
namespace {

std::string read_text(const std::string& path, Accept accept) {
  return path.empty() ? std::string() : read_whole_text(path, accept);
}

}  // namespace

InfillInput::InfillInput(const InfillSource& source) {
  if (source.is_two_files()) {
    text_ = read_text(source.prefix_file, source.accept);
    const std::size_t cut = text_.size();
    text_ += read_text(source.suffix_file, source.accept);
    const std::string_view all = text_;
    parts_ = {.prefix = all.substr(0, cut), .suffix = all.substr(cut)};
    return;
  }
  text_ = read_text(source.text, source.accept);
  const std::string name = input_name(source.text);
  parts_ = source.cursor ? split_at_cursor(text_, *source.cursor, name) : split_at_marker(text_, source.marker, name);
}

}  // namespace lm
