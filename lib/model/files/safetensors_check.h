// Checking a safetensors file that was just written, in blocks: no second copy of a model in memory.
#pragma once

#include <span>
#include <string>

#include "base/file.h"
#include "model/files/safetensors.h"

namespace lm {

/// Throws Error unless `written` holds what write_safetensors was given: each string of `metadata`, the tensors' names,
/// types and shapes, data to the file's end, and the checksum of all that.
void check_written_safetensors(const FileDescriptor& written, const SafetensorsMetadata& metadata,
                               std::span<const TensorSource> tensors);

}  // namespace lm
