// Results that are read back before they take the place of an old file.
#pragma once

#include <string>
#include <string_view>

#include "base/file.h"

namespace lm {

/// Throws the Error of a result that is not what was written: "cannot write 'x': what was written, read back, <why>; ...".
[[noreturn]] void refuse_written(std::string_view name, const std::string& why);

/// Throws Error unless `written` holds `text`.
void check_written_text(const FileDescriptor& written, const std::string& text);

}  // namespace lm
