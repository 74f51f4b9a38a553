#include "data/token_file.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "base/error.h"
#include "data/token_file_bytes.h"

namespace lm {

namespace {

constexpr std::int64_t kPiece = std::int64_t{1} << 16;     // tokens that a scan decodes at a time
constexpr std::size_t kPieceBytes = std::size_t{1} << 16;  // that are searched at a time, a multiple of every width
constexpr std::size_t kReadBytes = std::size_t{1} << 14;   // that are read at a time

bool is_regular(const FileDescriptor& input) {
  struct stat status {};
  return fstat(input.get(), &status) == 0 && S_ISREG(status.st_mode);
}

// Refuses a file whose end is not its trailer: joined if a whole stream ends inside it, else cut short. Slow, but the run
// ends.
[[noreturn]] void refuse_end(const RandomAccessFile& file, int bytes_per_token) {
  const auto width = static_cast<std::uint64_t>(bytes_per_token);
  std::string piece;  // of which the trailers that begin before kPieceBytes are looked for
  for (std::uint64_t start = kTokenHeaderSize; start < file.size(); start += kPieceBytes) {
    piece.resize(std::min<std::uint64_t>(kPieceBytes + kTokenTrailerSize, file.size() - start));
    file.read(start, piece.data(), piece.size());
    const std::string_view bytes = piece;
    for (std::uint64_t at = 0; at < kPieceBytes && at + kTokenTrailerSize <= bytes.size(); at += width) {
      TokenTrailer trailer;
      if (bytes[at] != 'l' || !parse_token_trailer(bytes.substr(at), trailer)) continue;
      const std::uint64_t offset = start + at;
      if (trailer.tokens == (offset - kTokenHeaderSize) / width)
        refuse_joined_tokens(file.name(), offset + kTokenTrailerSize);
    }
  }
  refuse_truncated_tokens(file.name(), file.size());
}

}  // namespace

TokenFile TokenFile::open(const std::string& path, const std::string& spool_folder) {
  require_token_stream(path);
  return open(open_input(path), spool_folder);
}

TokenFile TokenFile::open(FileDescriptor input, const std::string& spool_folder) {
  if (!is_regular(input)) return spool(std::move(input), spool_folder);
  std::string name = input.name();
  TokenFile file(RandomAccessFile(std::move(input), std::move(name)));
  file.read_frame();
  return file;
}

TokenFile TokenFile::spool(FileDescriptor input, const std::string& folder) {
  TokenReader reader(std::move(input));
  FileDescriptor spooled = create_unlinked(folder);
  const auto output = output_beside(spooled);
  TokenWriter writer(*output, reader.info());
  std::vector<TokenId> piece(static_cast<std::size_t>(kPiece));
  while (const std::size_t count = reader.read(piece)) writer.write(std::span(piece).first(count));
  writer.finish();
  output->close();
  rewind_file(spooled);
  TokenFile file(RandomAccessFile(std::move(spooled), reader.name()));
  file.read_frame();
  file.info_.documents = reader.documents();
  return file;
}

// Header and trailer, against each other and the size.
void TokenFile::read_frame() {
  std::array<char, kTokenHeaderSize> header{};
  const std::size_t header_size = std::min<std::uint64_t>(header.size(), file_.size());
  file_.read(0, header.data(), header_size);
  info_ = parse_token_header({header.data(), header_size}, name());
  const auto width = static_cast<std::uint64_t>(info_.bytes_per_token());
  if (file_.size() < kTokenHeaderSize + kTokenTrailerSize) refuse_truncated_tokens(name(), file_.size());
  const std::uint64_t body = file_.size() - kTokenHeaderSize - kTokenTrailerSize;
  const std::uint64_t tokens = info_.tokens ? static_cast<std::uint64_t>(*info_.tokens) : body / width;
  if (tokens * width > body) refuse_truncated_tokens(name(), file_.size());
  const std::uint64_t trailer_offset = kTokenHeaderSize + tokens * width;
  std::array<char, kTokenTrailerSize> trailer_bytes{};
  file_.read(trailer_offset, trailer_bytes.data(), trailer_bytes.size());
  TokenTrailer trailer;
  if (!parse_token_trailer({trailer_bytes.data(), trailer_bytes.size()}, trailer) || trailer.tokens != tokens) {
    if (info_.tokens)
      refuse_damaged_tokens(name(), "no trailer follows the " + std::to_string(tokens) + " tokens of its header");
    refuse_end(file_, info_.bytes_per_token());
  }
  if (tokens * width != body) refuse_joined_tokens(name(), trailer_offset + kTokenTrailerSize);
  info_.tokens = static_cast<std::int64_t>(tokens);
  size_ = static_cast<std::int64_t>(tokens);
  hash_ = trailer.hash;
}

std::int64_t TokenFile::read_tokens(std::int64_t first, std::span<TokenId> out, Hasher* hasher) const {
  const std::int64_t width = info_.bytes_per_token();
  std::array<std::byte, kReadBytes> buffer;
  const std::size_t at_once = buffer.size() / static_cast<std::size_t>(width);
  std::int64_t documents = 0;
  while (!out.empty()) {
    const std::span<TokenId> part = out.first(std::min(out.size(), at_once));
    const std::size_t bytes = part.size() * static_cast<std::size_t>(width);
    file_.read(kTokenHeaderSize + static_cast<std::uint64_t>(first * width), buffer.data(), bytes);
    if (hasher != nullptr) hasher->update(buffer.data(), bytes);
    documents += decode_tokens(buffer.data(), part, info_, name(), first);
    first += static_cast<std::int64_t>(part.size());
    out = out.subspan(part.size());
  }
  return documents;
}

void TokenFile::tokens(std::int64_t first, std::span<TokenId> out) const {
  LM_CHECK(first >= 0 && first <= size_ && static_cast<std::int64_t>(out.size()) <= size_ - first);
  read_tokens(first, out, nullptr);
}

/// Reads all tokens, and returns how many of them are end-of-text.
std::int64_t TokenFile::scan(Hasher* hasher) const {
  std::int64_t documents = 0;
  std::vector<TokenId> piece(static_cast<std::size_t>(std::min(kPiece, size_)));
  for (std::int64_t first = 0; first < size_; first += kPiece) {
    documents +=
        read_tokens(first, std::span(piece).first(static_cast<std::size_t>(std::min(kPiece, size_ - first))), hasher);
  }
  return documents;
}

std::int64_t TokenFile::documents() {
  if (!info_.documents) info_.documents = scan(nullptr);
  return *info_.documents;
}

std::int64_t TokenFile::end_of_document(std::int64_t document) const {
  std::vector<TokenId> piece(static_cast<std::size_t>(std::min(kPiece, size_)));
  std::int64_t left = document;
  for (std::int64_t first = 0; first < size_; first += kPiece) {
    const auto out = std::span(piece).first(static_cast<std::size_t>(std::min(kPiece, size_ - first)));
    tokens(first, out);
    for (std::size_t i = 0; i < out.size(); ++i) {
      if (out[i] == info_.end_of_text && left-- == 0) return first + static_cast<std::int64_t>(i) + 1;
    }
  }
  return size_;
}

void TokenFile::verify() {
  Hasher hasher;
  const std::int64_t counted = scan(&hasher);
  if (hasher.digest64() != hash_) refuse_damaged_tokens(name(), "its tokens do not have the hash of its trailer");
  if (info_.documents && *info_.documents != counted) {
    refuse_damaged_tokens(name(), "its header counts " + std::to_string(*info_.documents) + " documents, its tokens " +
                                      std::to_string(counted));
  }
  info_.documents = counted;
}

}  // namespace lm
