#include "base/file_signature.h"

#include <algorithm>
#include <array>

#include "base/little_endian.h"

namespace lm {

namespace {

using namespace std::string_view_literals;

/// A signature is long enough, or contains bytes that no text has, so that texts are not taken for something else.
struct Signature {
  std::string_view bytes;
  FileKind kind;
  std::size_t offset = 0;
};
constexpr std::array<Signature, 27> kSignatures = {{
    {"\x1f\x8b\x08"sv, FileKind::gzip},
    {"\x28\xb5\x2f\xfd"sv, FileKind::zstd},
    {"\xfd\x37zXZ\0"sv, FileKind::xz},
    {"\x04\x22\x4d\x18"sv, FileKind::lz4},
    {"PK\x03\x04"sv, FileKind::zip},
    {"PK\x05\x06"sv, FileKind::zip},  // an empty archive
    {"7z\xbc\xaf\x27\x1c"sv, FileKind::seven_zip},
    {"ustar\0"sv, FileKind::tar, 257},
    {"ustar  \0"sv, FileKind::tar, 257},
    {"ARROW1\0\0"sv, FileKind::arrow},
    {"\x93NUMPY\x01"sv, FileKind::numpy},
    {"\x93NUMPY\x02"sv, FileKind::numpy},
    {"\x93NUMPY\x03"sv, FileKind::numpy},
    {"\x89HDF\r\n\x1a\n"sv, FileKind::hdf5},
    {"SQLite format 3\0"sv, FileKind::sqlite},
    {"\x89PNG\r\n\x1a\n"sv, FileKind::picture},
    {"\xff\xd8\xff\xe0"sv, FileKind::picture},
    {"\xff\xd8\xff\xe1"sv, FileKind::picture},
    {"\x7f\x45LF\x01\x01"sv, FileKind::program},
    {"\x7f\x45LF\x02\x01"sv, FileKind::program},
    {"\x88\xd8\x34\x01\x01\0\0\0"sv, FileKind::llmc_tokens},  // 20240520, version 1
    {"\xa1\xd9\x34\x01\x07\0\0\0"sv, FileKind::llmc_tokens},  // 20240801, version 7
    {"\xc6\xd7\x34\x01"sv, FileKind::llmc_model},             // 20240326
    {"\x80\x02\x8a\x0al\xfc\x9c\x46\xf9 j\xa8P\x19"sv, FileKind::pytorch},
    {"tjgg"sv, FileKind::gguf},  // its predecessors: ggjt and ggml
    {"lmgg"sv, FileKind::gguf},
    {"GGUF"sv, FileKind::gguf},
}};

unsigned byte_at(std::string_view bytes, std::size_t at) { return static_cast<unsigned char>(bytes[at]); }

bool has_at(std::string_view bytes, std::size_t offset, std::string_view wanted) {
  return bytes.size() >= offset + wanted.size() && bytes.substr(offset, wanted.size()) == wanted;
}

/// What a signature of letters needs as well: the version that follows, small, in either endianness.
bool has_version(std::string_view head) {
  if (head.size() < 8) return false;
  const bool little = head.substr(5, 3) == "\0\0\0"sv, big = head.substr(4, 3) == "\0\0\0"sv;
  const char version = head[little ? 4 : 7];
  return (little || big) && static_cast<unsigned char>(version) < 32 && version != '\n' && version != '\t' &&
         version != '\r';
}

FileKind kind_of_zip(std::string_view head) {
  const std::string_view first = head.substr(0, 1024);
  if (first.find("/data.pkl") != std::string_view::npos || first.find(".format_version") != std::string_view::npos)
    return FileKind::pytorch;
  if (first.find(".npy") != std::string_view::npos) return FileKind::numpy;
  return FileKind::zip;
}

/// bzip2's signature is of letters and a digit; the block's (or the end's) number is not.
bool is_bzip2(std::string_view head) {
  return head.starts_with("BZh") && head.size() >= 10 && head[3] >= '1' && head[3] <= '9' &&
         (has_at(head, 4, "1AY&SY") || has_at(head, 4, "\x17rE8P\x90"));
}

/// zstd's and lz4's frames of other programs' data, which may come first: what they are is known by the frame that follows.
std::optional<FileKind> kind_after_skippable(const FileSample& sample) {
  constexpr std::size_t kFrameHeader = 8;
  const std::string_view head = sample.head;
  std::size_t at = 0;
  while (head.size() >= at + kFrameHeader && (byte_at(head, at) & 0xF0) == 0x50 && has_at(head, at + 1, "\x2a\x4d\x18")) {
    at += kFrameHeader + std::size_t{load_little<std::uint32_t>(head.data() + at + 4)};
  }
  if (at == 0) return std::nullopt;
  if (has_at(head, at, "\x04\x22\x4d\x18")) return FileKind::lz4;
  const bool to_the_end = at >= head.size();  // of what is known
  return to_the_end || has_at(head, at, "\x28\xb5\x2f\xfd") ? std::optional(FileKind::zstd) : std::nullopt;
}

/// Both ends, or in a stream the field that a page's header begins with.
bool is_parquet(const FileSample& sample) {
  if (!sample.head.starts_with("PAR1")) return false;
  if (sample.tail) return sample.tail->ends_with("PAR1") && sample.size.value_or(0) >= 12;
  return sample.head.size() > 4 && sample.head[4] == '\x15';
}

/// An Arrow stream, as data sets are cached in: a continuation, the size of the schema, and its root table.
bool is_arrow_stream(std::string_view head) {
  return head.starts_with("\xff\xff\xff\xff") && head.size() >= 12 && head[7] == '\0' && has_at(head, 8, "\x10\0\0\0"sv);
}

/// After its name, the comment of bytes beyond ASCII on its second line, or the mark at its end.
bool is_pdf(const FileSample& sample) {
  const std::string_view head = sample.head;
  if (!head.starts_with("%PDF-") || head.size() < 9 || head[6] != '.') return false;
  const std::size_t line = head.find('\n');
  const bool comment =
      line != std::string_view::npos && head.size() > line + 2 && head[line + 1] == '%' && byte_at(head, line + 2) >= 0x80;
  return comment || (sample.tail && sample.tail->find("%%EOF") != std::string_view::npos);
}

/// A pickle of protocol 2 to 5 ends with a full stop.
bool is_pickle(const FileSample& sample) {
  return sample.head.size() > 2 && sample.head[0] == '\x80' && sample.head[1] >= 2 && sample.head[1] <= 5 && sample.tail &&
         sample.tail->ends_with('.');
}

/// The first piece of the model: its text, "<unk>" or another in brackets, and the field of its score, which no text has.
bool is_sentencepiece(const FileSample& sample) {
  const std::string_view head = sample.head;
  return head.size() > 16 && head[0] == '\x0a' && head[2] == '\x0a' && byte_at(head, 1) < 0x80 &&
         byte_at(head, 3) + 2 < byte_at(head, 1) && head[4] == '<' && has_at(head, 3 + byte_at(head, 3), ">\x15");
}

/// Code units that are valid throughout: random bytes behind a byte order mark are not.
std::optional<FileKind> kind_by_byte_order_mark(const FileSample& sample) {
  const std::string_view head = sample.head;
  if (has_at(head, 0, "\xff\xfe\0\0"sv) || has_at(head, 0, "\0\0\xfe\xff"sv)) {
    const bool little = head[0] == '\xff';
    for (std::size_t at = 4; at + 4 <= head.size(); at += 4) {
      if (byte_at(head, at + (little ? 3 : 0)) != 0 || byte_at(head, at + (little ? 2 : 1)) > 0x10) return std::nullopt;
    }
    return head.size() >= 8 && sample.size.value_or(head.size()) % 4 == 0 ? std::optional(FileKind::utf32) : std::nullopt;
  }
  if (!has_at(head, 0, "\xff\xfe") && !has_at(head, 0, "\xfe\xff")) return std::nullopt;
  if (head.size() < 4 || sample.size.value_or(head.size()) % 2 != 0) return std::nullopt;
  const std::size_t high = head[0] == '\xff' ? 1 : 0;
  bool after_high = false;
  for (std::size_t at = 2; at + 2 <= head.size(); at += 2) {
    const unsigned byte = byte_at(head, at + high) & 0xFC;
    if ((byte == 0xDC) != after_high) return std::nullopt;
    after_high = byte == 0xD8;
  }
  return FileKind::utf16;
}

/// "model-00001-of-00002.safetensors"
bool is_name_of_shard(std::string_view name) {
  constexpr std::string_view kBetween = "-of-";
  constexpr std::size_t kDigits = 5;
  const std::size_t at = name.find(kBetween);
  if (at == std::string_view::npos || at < kDigits || name.size() < at + kBetween.size() + kDigits) return false;
  const auto all_digits = [](std::string_view text) {
    return text.find_first_not_of("0123456789") == std::string_view::npos;
  };
  return all_digits(name.substr(at - kDigits, kDigits)) && all_digits(name.substr(at + kBetween.size(), kDigits));
}

bool has_safetensors_start(std::string_view head) {
  return head.size() >= 9 && head[8] == '{' && load_little<std::uint64_t>(head.data()) <= kLargestSafetensorsHeader;
}

}  // namespace

std::optional<FileKind> kind_of_safetensors(const FileSample& sample) {
  if (!has_safetensors_start(sample.head)) return std::nullopt;
  const std::uint64_t length = load_little<std::uint64_t>(sample.head.data());
  const std::string_view header = sample.head.substr(8, std::min<std::uint64_t>(length, sample.head.size()));
  // Inside the JSON's strings quotes are escaped, so that these are keys.
  const auto has = [&](std::string_view text) { return header.find(text) != std::string_view::npos; };
  if (has("\"train.state\":") || has("\"train.settings\":")) return FileKind::state;
  if (has("\"lm.config\":") || has("\"lm.version\":")) return FileKind::model;
  if (has(".lora_A.") || has(".lora_B.") || sample.name.starts_with("adapter_model")) return FileKind::adapter;
  if (is_name_of_shard(sample.name)) return FileKind::shard;
  return FileKind::other_model;
}

std::optional<FileKind> kind_by_signature(const FileSample& sample) {
  const std::string_view head = sample.head;
  if (head.starts_with("lm-tokens ") && head.size() >= 16 && head.substr(0, 16).find('\0') != std::string_view::npos)
    return FileKind::tokens;
  if (head.starts_with("lm-counts ") && head.size() >= 16 && head.substr(0, 16).find('\0') != std::string_view::npos)
    return FileKind::counts;
  for (const Signature& signature : kSignatures) {
    if (!has_at(head, signature.offset, signature.bytes)) continue;
    if (signature.kind == FileKind::gguf && !has_version(head)) continue;
    if (signature.kind == FileKind::gzip && (head.size() < 4 || byte_at(head, 3) > 0x1f)) continue;  // reserved flags
    return signature.kind == FileKind::zip ? kind_of_zip(head) : signature.kind;
  }
  if (is_bzip2(head)) return FileKind::bzip2;
  if (const std::optional<FileKind> kind = kind_after_skippable(sample)) return kind;
  if (is_parquet(sample)) return FileKind::parquet;
  if (is_arrow_stream(head)) return FileKind::arrow;
  if (is_pdf(sample)) return FileKind::pdf;
  if (const std::optional<FileKind> kind = kind_by_byte_order_mark(sample)) return kind;
  if (const std::optional<FileKind> kind = kind_of_safetensors(sample)) return kind;
  if (is_sentencepiece(sample)) return FileKind::sentencepiece;
  if (is_pickle(sample)) return FileKind::pickle;
  return std::nullopt;
}

bool may_become_signature(std::string_view head) {
  constexpr std::array<std::string_view, 6> kOthers = {"lm-tokens ", "lm-counts ", "BZh",
                                                       "PAR1",       "%PDF-",      "\xff\xff\xff\xff"};
  constexpr std::size_t kEnough = 16;
  if (head.empty() || head.size() >= kEnough) return false;
  const auto begins = [&](std::string_view signature) { return signature.starts_with(head) || head.starts_with(signature); };
  const auto signature_begins = [&](const Signature& signature) { return signature.offset == 0 && begins(signature.bytes); };
  if (std::any_of(kSignatures.begin(), kSignatures.end(), signature_begins)) return true;
  if (std::any_of(kOthers.begin(), kOthers.end(), begins)) return true;
  const std::string_view skippable = head.substr(1, 3);  // of zstd's and lz4's
  if ((byte_at(head, 0) & 0xF0) == 0x50 && head.size() < 8 && "\x2a\x4d\x18"sv.starts_with(skippable)) return true;
  // The length of a safetensors header; shorter beginnings say nothing yet.
  return head.size() >= 4 && head.size() < 9 && head.substr(3).find_first_not_of('\0') == std::string_view::npos;
}

FileKind kind_of(const FileSample& sample) {
  if (sample.head.empty()) return FileKind::empty;
  if (const std::optional<FileKind> kind = kind_by_signature(sample)) return *kind;
  return kind_of_text(sample);
}

}  // namespace lm
