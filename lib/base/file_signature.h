// The parts of recognition: signatures of binary formats, and the look of texts.
#pragma once

#include <cstddef>
#include <optional>

#include "base/file_kind.h"

namespace lm {

/// The largest header that the safetensors format allows, in bytes.
constexpr std::size_t kLargestSafetensorsHeader = 100'000'000;

/// Returns the kind of a binary file that begins with an unmistakable signature; nothing for any other.
std::optional<FileKind> kind_by_signature(const FileSample& sample);

/// Returns the kind of a safetensors file by its header; nothing if the sample is no such file.
std::optional<FileKind> kind_of_safetensors(const FileSample& sample);

/// Returns the kind of a text, by its first lines and its name.
FileKind kind_of_text(const FileSample& sample);

}  // namespace lm
