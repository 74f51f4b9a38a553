// The JSON header of a safetensors file, read by events: names, types, shapes, offsets and metadata.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/file_signature.h"
#include "model/files/safetensors.h"

namespace lm {

constexpr std::string_view kChecksumKey = "lm.checksum";
constexpr std::size_t kChecksumDigits = 32;

struct SafetensorsHeader {
  std::vector<TensorEntry> entries;  // offsets relative to the data's first byte, in the order of the header
  SafetensorsMetadata metadata;
};

/// Reads the header's text. Throws Error for anything except tensors with a known type, a shape, and offsets whose distance
/// is the size of that shape. That names are unique and that tensors fill the file is for the caller to check.
SafetensorsHeader parse_safetensors_header(std::string_view text, const std::string& name);

/// Returns the place of lm.checksum's digits in the header's text; npos if it has none.
std::size_t find_checksum(std::string_view header);

}  // namespace lm
