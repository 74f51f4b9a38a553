#include "model/files/safetensors_check.h"

#include <array>

#include "base/hash.h"
#include "base/little_endian.h"
#include "base/written.h"
#include "model/files/safetensors_header.h"

namespace lm {

namespace {

constexpr std::size_t kBlock = std::size_t{1} << 20;

/// Returns the next `size` bytes. Throws Error if there are fewer.
std::string read_exactly(const FileDescriptor& written, std::uint64_t size) {
  std::string bytes(static_cast<std::size_t>(size), '\0');
  if (read_some(written, bytes.data(), bytes.size()) != bytes.size()) refuse_written(written.name(), "is cut short");
  return bytes;
}

/// Returns the size of the tensors' data. Throws Error unless the header states what was to be written.
std::uint64_t check_header(const SafetensorsHeader& header, const SafetensorsMetadata& metadata,
                           std::span<const TensorSource> tensors, const std::string& name) {
  for (const auto& [key, value] : metadata) {
    const auto found = header.metadata.find(key);
    if (found == header.metadata.end() || found->second != value) refuse_written(name, "has another '" + key + "'");
  }
  std::uint64_t end = 0;
  if (header.entries.size() != tensors.size()) refuse_written(name, "has another number of tensors");
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const TensorEntry& entry = header.entries[i];
    if (entry.name != tensors[i].name || entry.dtype != tensors[i].dtype || entry.shape != tensors[i].shape ||
        entry.offset != end) {
      refuse_written(name, "has another tensor in the place of '" + tensors[i].name + "'");
    }
    end += entry.size;
  }
  return end;
}

}  // namespace

void check_written_safetensors(const FileDescriptor& written, const SafetensorsMetadata& metadata,
                               std::span<const TensorSource> tensors) {
  const std::string& name = written.name();
  std::array<char, sizeof(std::uint64_t)> start;
  if (read_some(written, start.data(), start.size()) != start.size()) refuse_written(name, "is cut short");
  const auto header_size = load_little<std::uint64_t>(start.data());
  if (header_size > kLargestSafetensorsHeader) refuse_written(name, "has no header");
  std::string header_text = read_exactly(written, header_size);
  const SafetensorsHeader header = parse_safetensors_header(header_text, name);
  const std::uint64_t data_size = check_header(header, metadata, tensors, name);
  const auto stated = header.metadata.find(kChecksumKey);
  if (stated == header.metadata.end()) refuse_written(name, "has no checksum");
  header_text.replace(find_checksum(header_text), kChecksumDigits, std::string(kChecksumDigits, '0'));

  Hasher hasher;
  hasher.update(start.data(), start.size());
  hasher.update(header_text.data(), header_text.size());
  std::string block(kBlock, '\0');
  std::uint64_t read = 0;
  while (const std::size_t size = read_some(written, block.data(), block.size())) {
    hasher.update(block.data(), size);
    read += size;
  }
  if (read != data_size) refuse_written(name, "has data of another size");
  if (to_hex(hasher.digest128()) != stated->second) refuse_written(name, "has another checksum");
}

}  // namespace lm
