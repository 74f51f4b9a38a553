#include "text/vocabulary/byte_level.h"

#include "text/unicode/unicode.h"

namespace lm {

namespace {

constexpr std::array<std::uint16_t, 256> make_code_points() {
  std::array<std::uint16_t, 256> code_points{};
  std::uint16_t next = 256;
  for (std::uint16_t byte = 0; byte < 256; ++byte) {
    const bool printable = (byte >= 33 && byte <= 126) || (byte >= 161 && byte != 173);
    code_points[byte] = printable ? byte : next++;
  }
  return code_points;
}
constexpr std::array<std::uint16_t, 256> kCodePoints = make_code_points();

constexpr std::uint16_t kNoByte = 0xFFFF;
constexpr std::array<std::uint16_t, 324> make_bytes() {
  std::array<std::uint16_t, 324> bytes{};
  bytes.fill(kNoByte);
  for (std::uint16_t byte = 0; byte < 256; ++byte) bytes[kCodePoints[byte]] = byte;
  return bytes;
}
constexpr std::array<std::uint16_t, 324> kBytes = make_bytes();

}  // namespace

const std::array<std::uint16_t, 256>& byte_level_code_points() { return kCodePoints; }

std::string to_byte_level(std::string_view bytes) {
  std::string spelled;
  spelled.reserve(bytes.size() * 2);
  for (const char byte : bytes) {
    const std::uint32_t c = kCodePoints[static_cast<unsigned char>(byte)];
    if (c < 0x80) {
      spelled += static_cast<char>(c);
    } else {
      spelled += static_cast<char>(0xC0 | (c >> 6));
      spelled += static_cast<char>(0x80 | (c & 0x3F));
    }
  }
  return spelled;
}

bool append_from_byte_level(std::string_view spelled, std::string& bytes) {
  const std::size_t size_before = bytes.size();
  const char* const end = spelled.data() + spelled.size();
  for (const char* at = spelled.data(); at != end;) {
    const DecodedChar c = decode_utf8(at, end);
    if (c.code_point >= kBytes.size() || kBytes[c.code_point] == kNoByte) {
      bytes.resize(size_before);
      return false;
    }
    bytes += static_cast<char>(kBytes[c.code_point]);
    at += c.length;
  }
  return true;
}

}  // namespace lm
