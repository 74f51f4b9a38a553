// The files that inputs of text name: each by itself, all below a folder, or those of a list.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/text_input.h"

namespace lm {

struct TextFiles {
  std::vector<std::string> paths;
  std::int64_t left_out = 0;   // files in folders that are no text
  std::string first_left_out;  // one of them
};

/// Returns the paths with the texts below each folder in its place, in the order of the bytes of their paths. Hidden files and
/// folders, and links to folders, are not looked at; what is recognized as no text is left out, unless any bytes are
/// accepted. A folder of a model or tokenizer stays as it is, for whoever refuses it. Throws Error if a folder cannot be read
/// or has no text.
TextFiles find_text_files(FileUse use, const std::vector<std::string>& paths, Accept accept);

/// Reads a list of names; "-" is standard input. If it holds a NUL byte, each name ends at one, else at a newline. Empty names
/// are skipped. Throws Error if it names nothing.
std::vector<std::string> read_file_list(const std::string& path);

}  // namespace lm
