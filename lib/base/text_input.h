// Inputs that are to hold text: looked at before they are read, so that nothing else is taken for it.
#pragma once

#include <string>
#include <vector>

#include "base/file.h"
#include "base/file_use.h"

namespace lm {

/// What an input of text may hold: nothing that is recognized as something else, or any bytes (--binary).
enum class Accept { text, anything };

/// Checks inputs before any work. Throws Error if one of the paths is recognized as something else than `use` (text or
/// scored).
void check_text_inputs(FileUse use, const std::vector<std::string>& paths, Accept accept);

/// Reads the beginning of an input: what one read(2) gives, and more only while that may be a signature that is not
/// complete. Empty at the end. Throws Error if it is the beginning of something else than `use`, of a pipe too.
std::string read_text_head(const FileDescriptor& input, FileUse use, Accept accept);

/// Reads a whole text; "-" is standard input. Throws Error as check_text_inputs() does.
std::string read_whole_text(const std::string& path, Accept accept);

}  // namespace lm
