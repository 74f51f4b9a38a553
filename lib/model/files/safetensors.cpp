#include "model/files/safetensors.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <numeric>
#include <optional>

#include "base/error.h"
#include "base/file_use.h"
#include "base/half.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/little_endian.h"
#include "base/path.h"
#include "model/files/safetensors_header.h"

namespace lm {

static_assert(std::endian::native == std::endian::little, "the format is little-endian and read as memory");

namespace {

[[noreturn]] void refuse(const std::string& name, const std::string& why) {
  throw Error("cannot use '" + name + "': " + why);
}

[[noreturn]] void refuse_surplus(const std::string& name, std::uint64_t end) {
  refuse(name, "its tensors end at byte " + std::to_string(end) + ", the file later: it has too many bytes");
}

/// Throws Error if a pipe's bytes, which have to be held, are more than memory.
void refuse_beyond_memory(const std::string& name, std::uint64_t bytes) {
  const auto memory =
      static_cast<std::uint64_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
  if (bytes > memory) {
    refuse(name, "its header says that there are " + std::to_string(bytes) +
                     " bytes, more than this machine's memory; give a file instead of a pipe");
  }
}

constexpr std::size_t kHeaderStart = sizeof(std::uint64_t);

/// Throws Error if a file that begins with `head` is recognized as something else, which a path has been and a pipe has not.
void refuse_other_kind(std::string_view head, std::optional<std::uint64_t> size, const std::string& name) {
  const FileKind kind = kind_of({.head = head.substr(0, kKindHead), .tail = {}, .size = size, .name = {}});
  if (kind == FileKind::gguf) refuse(name, "it is a GGUF file, which is read from a file only; give its path");
  if (kind != FileKind::binary) require_kind(FileUse::model, kind, name);
}

/// Returns the size of the header by the first bytes of a file of `size` bytes (unknown of a pipe). Throws Error if they
/// cannot be those of a safetensors file.
std::uint64_t stated_header_size(std::string_view text, std::optional<std::uint64_t> size, const std::string& name) {
  if (text.size() < kHeaderStart) refuse(name, "it is too short to be a safetensors file");
  const auto header_size = load_little<std::uint64_t>(text.data());
  if (header_size > kLargestSafetensorsHeader) {
    refuse_other_kind(text, size, name);
    refuse(name, "its header is larger than 100,000,000 bytes");
  }
  const bool begins = header_size > 0 && (text.size() == kHeaderStart || text[kHeaderStart] == '{');
  if (!begins) {
    refuse_other_kind(text, size, name);
    refuse(name, "it is not a safetensors file: its header does not start with '{'");
  }
  return header_size;
}

/// Returns the size of a file by what has come of it; nothing while its header has not.
std::optional<std::uint64_t> stated_size(std::string_view so_far, const std::string& name) {
  if (so_far.size() < kHeaderStart) return std::nullopt;
  const std::uint64_t header_size = stated_header_size(so_far, std::nullopt, name);
  if (header_size > so_far.size() - kHeaderStart) return std::nullopt;
  std::uint64_t end = 0;
  for (const TensorEntry& entry : parse_safetensors_header(so_far.substr(kHeaderStart, header_size), name).entries)
    end = std::max(end, entry.offset + entry.size);
  return kHeaderStart + header_size + end;
}

std::string header_text(const RandomAccessFile& file) {
  std::string start(std::min<std::uint64_t>(file.size(), kKindHead), '\0');
  file.read(0, start.data(), start.size());
  const std::uint64_t header_size = stated_header_size(start, file.size(), file.name());
  if (header_size > file.size() - kHeaderStart) {
    refuse(file.name(),
           "its header of " + std::to_string(header_size) + " bytes does not fit into the file: it was cut short");
  }
  std::string text(header_size, '\0');
  file.read(kHeaderStart, text.data(), text.size());
  return text;
}

constexpr std::size_t kPieceBytes = std::size_t{1} << 16;  // read and converted at a time
constexpr std::size_t kHashBytes = std::size_t{1} << 20;   // read and hashed at a time

/// Reads numbers of type `Stored` from `offset` on.
template <class Stored, class Convert>
void read_converted(const RandomAccessFile& file, std::uint64_t offset, std::span<float> out, Convert convert) {
  std::array<Stored, kPieceBytes / sizeof(Stored)> piece;
  while (!out.empty()) {
    const std::size_t count = std::min(out.size(), piece.size());
    file.read(offset, piece.data(), count * sizeof(Stored));
    std::transform(piece.begin(), piece.begin() + static_cast<std::ptrdiff_t>(count), out.begin(), convert);
    offset += count * sizeof(Stored);
    out = out.subspan(count);
  }
}

void hash_part(Hasher& hasher, const RandomAccessFile& file, std::uint64_t begin, std::uint64_t end) {
  std::vector<char> piece(std::min<std::uint64_t>(kHashBytes, end - begin));
  while (begin < end) {
    const std::size_t count = std::min<std::uint64_t>(piece.size(), end - begin);
    file.read(begin, piece.data(), count);
    hasher.update(piece.data(), count);
    begin += count;
  }
}

}  // namespace

SafetensorsFile SafetensorsFile::open(const std::string& path, Checksum checksum) {
  // Of what is no regular file, such as a pipe, no more is read than its header says that there is.
  const std::string name = input_name(path);
  std::optional<std::uint64_t> whole;
  SafetensorsFile file(RandomAccessFile::open(path, [&](std::string_view so_far) {
    if (!whole && (whole = stated_size(so_far, name))) refuse_beyond_memory(name, *whole);
    if (whole && so_far.size() > *whole) refuse_surplus(name, *whole);
  }));
  file.read_header(checksum);
  return file;
}

void SafetensorsFile::read_header(Checksum checksum) {
  const std::string text = header_text(file_);
  SafetensorsHeader header = parse_safetensors_header(text, name());
  entries_ = std::move(header.entries);
  metadata_ = std::move(header.metadata);
  check_layout(kHeaderStart + text.size());
  if (checksum == Checksum::verified && metadata_.contains(kChecksumKey)) verify_checksum(text);
}

SafetensorsMetadata read_safetensors_metadata(const std::string& path) {
  const RandomAccessFile file(open_input(path), path);
  return parse_safetensors_header(header_text(file), path).metadata;
}

// Sorted by place, each tensor begins at the end of the one before, and the last ends with the file; names are unique.
void SafetensorsFile::check_layout(std::uint64_t data_offset) {
  const std::uint64_t data_size = file_.size() - data_offset;
  std::sort(entries_.begin(), entries_.end(), [](const TensorEntry& a, const TensorEntry& b) {
    return a.offset != b.offset ? a.offset < b.offset : a.size < b.size;
  });
  std::uint64_t end = 0;
  for (TensorEntry& entry : entries_) {
    const std::string subject = "tensor '" + entry.name.substr(0, 100) + "' ";
    if (entry.offset < end) refuse(name(), subject + "overlaps the one before");
    if (entry.offset > end)
      refuse(name(), "there is a hole before " + subject + "at byte " + std::to_string(data_offset + end));
    end = entry.offset + entry.size;
    if (end > data_size) refuse(name(), subject + "does not fit into the file: it was cut short");
    entry.offset += data_offset;
  }
  if (end != data_size) {
    refuse_surplus(name(), data_offset + end);
  }
  by_name_.resize(entries_.size());
  std::iota(by_name_.begin(), by_name_.end(), std::size_t{0});
  std::sort(by_name_.begin(), by_name_.end(),
            [&](std::size_t a, std::size_t b) { return entries_[a].name < entries_[b].name; });
  const auto twice = std::adjacent_find(by_name_.begin(), by_name_.end(),
                                        [&](std::size_t a, std::size_t b) { return entries_[a].name == entries_[b].name; });
  if (twice != by_name_.end()) refuse(name(), "tensor '" + entries_[*twice].name.substr(0, 100) + "' appears twice");
}

void SafetensorsFile::verify_checksum(std::string_view header_text) const {
  const std::string& stated = metadata_.find(kChecksumKey)->second;
  const std::size_t found = find_checksum(header_text);
  if (stated.size() != kChecksumDigits || found == std::string_view::npos)
    refuse(name(), "its lm.checksum is not a checksum");
  const std::size_t digits = sizeof(std::uint64_t) + found;
  const std::string zeros(kChecksumDigits, '0');
  Hasher hasher;
  hash_part(hasher, file_, 0, digits);
  hasher.update(zeros.data(), zeros.size());
  hash_part(hasher, file_, digits + kChecksumDigits, file_.size());
  if (to_hex(hasher.digest128()) != stated) {
    refuse(name(), "it is damaged, or was changed by another program: its checksum does not agree");
  }
}

std::string SafetensorsFile::checksum() const {
  const std::string* const stated = metadata(kChecksumKey);
  if (stated != nullptr) return *stated;
  Hasher hasher;
  hash_part(hasher, file_, 0, file_.size());
  return to_hex(hasher.digest128());
}

const TensorEntry* SafetensorsFile::find(std::string_view wanted) const {
  const auto found = std::lower_bound(by_name_.begin(), by_name_.end(), wanted,
                                      [&](std::size_t index, std::string_view name) { return entries_[index].name < name; });
  if (found == by_name_.end() || entries_[*found].name != wanted) return nullptr;
  return &entries_[*found];
}

const std::string* SafetensorsFile::metadata(std::string_view key) const {
  const auto found = metadata_.find(key);
  return found == metadata_.end() ? nullptr : &found->second;
}

void SafetensorsFile::check_floats(const TensorEntry& entry) const {
  for (const Dtype floats : {Dtype::f32, Dtype::f64, Dtype::f16, Dtype::bf16}) {
    if (entry.dtype == floats) return;
  }
  refuse(name(), "tensor '" + entry.name.substr(0, 100) + "' holds " + std::string(dtype_name(entry.dtype)) +
                     " where F32, F16, BF16 or F64 is needed");
}

void SafetensorsFile::read_floats(const TensorEntry& entry, std::span<float> out) const {
  LM_CHECK(static_cast<std::int64_t>(out.size()) == entry.elements());
  read_floats(entry, 0, out);
}

void SafetensorsFile::read_floats(const TensorEntry& entry, std::int64_t first, std::span<float> out) const {
  LM_CHECK(first >= 0 && first + static_cast<std::int64_t>(out.size()) <= entry.elements());
  const std::uint64_t offset = entry.offset + static_cast<std::uint64_t>(first * dtype_size(entry.dtype));
  switch (entry.dtype) {
    case Dtype::f32:
      return file_.read(offset, out.data(), out.size_bytes());
    case Dtype::f64:
      return read_converted<double>(file_, offset, out, [](double value) { return static_cast<float>(value); });
    case Dtype::f16:
      return read_converted<std::uint16_t>(file_, offset, out, float_of_half);
    case Dtype::bf16:
      return read_converted<std::uint16_t>(file_, offset, out, float_of_bfloat16);
    default:
      check_floats(entry);
  }
}

}  // namespace lm
