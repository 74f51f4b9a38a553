// What a file is: its kind, and what its own beginning and end say, without its weights or tokens being read.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/file_kind.h"
#include "base/json.h"

namespace lm {

struct InfoTensor {
  std::string name;
  std::vector<std::int64_t> shape;  // row-major, as programs here write shapes
  std::string type;
  std::uint64_t bytes = 0;
};

/// Facts by name, in the order in which they are shown. A name is a word or several joined by '_'; a value is a text, a number, a list
/// of texts, or true, which is shown as "yes".
using InfoFacts = JsonValue;

struct FileInfo {
  std::string path;
  FileKind kind = FileKind::unknown;
  InfoFacts facts = {};
  std::vector<InfoTensor> tensors = {};  // of models and the like
  std::vector<std::string> uses = {};    // what can be done with it, a sentence each
  std::vector<std::string> notes = {};   // what else the user should know
};

/// Looks at a file or folder. Throws Error, that of its reader, for one that is broken, missing or cannot be read.
FileInfo inspect(const std::string& path);

enum class InfoTensors { left_out, listed };

/// Return a file's description for people, a fact a line, and as one JSON object on a line.
std::string info_text(const FileInfo& info, InfoTensors tensors);
std::string info_json(const FileInfo& info, InfoTensors tensors);

}  // namespace lm
