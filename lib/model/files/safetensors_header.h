// The JSON header of a safetensors file, read by events: names, types, shapes, offsets, metadata; layout is checked
// elsewhere.
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

/// Reads the header's text. Throws Error for anything but unique tensor names with a known type, a shape, and offsets whose
/// distance is the size of that shape.
SafetensorsHeader parse_safetensors_header(std::string_view text, const std::string& name);

/// Where the digits of lm.checksum stand in the header's text; npos where it has none.
std::size_t find_checksum(std::string_view header);

}  // namespace lm
