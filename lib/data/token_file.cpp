#include "data/token_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>
#include <vector>

#include "base/error.h"
#include "data/token_format.h"

namespace lm {

namespace {

constexpr std::int64_t kPiece = std::int64_t{1} << 16;  // tokens that a scan decodes at a time

bool is_regular(const FileDescriptor& input) {
  struct stat status {};
  return fstat(input.get(), &status) == 0 && S_ISREG(status.st_mode);
}

// A file whose end is not its trailer: joined where a whole stream ends inside it, else cut short. Slow, but on the way out.
[[noreturn]] void refuse_end(std::string_view bytes, int bytes_per_token, const std::string& name) {
  const auto width = static_cast<std::size_t>(bytes_per_token);
  for (std::size_t offset = kTokenHeaderSize; offset + kTokenTrailerSize <= bytes.size(); offset += width) {
    TokenTrailer trailer;
    if (bytes[offset] != 'l' || !parse_token_trailer(bytes.substr(offset), trailer)) continue;
    if (trailer.tokens == (offset - kTokenHeaderSize) / width) refuse_joined_tokens(name, offset + kTokenTrailerSize);
  }
  refuse_truncated_tokens(name, bytes.size());
}

}  // namespace

TokenFile TokenFile::open(const std::string& path, const std::string& spool_folder) {
  return open(open_input(path), {}, spool_folder);
}

TokenFile TokenFile::open(FileDescriptor input, std::string_view already_read, const std::string& spool_folder) {
  if (is_regular(input)) {
    // What has been read of a regular file can be read again.
    const off_t start = ::lseek(input.get(), 0, SEEK_CUR) - static_cast<off_t>(already_read.size());
    if (start >= 0 && ::lseek(input.get(), start, SEEK_SET) == start) {
      TokenFile file(FileContent::read(input), input.name());
      file.read_frame();
      return file;
    }
  }
  return spool(std::move(input), already_read, spool_folder);
}

TokenFile TokenFile::spool(FileDescriptor input, std::string_view already_read, const std::string& folder) {
  TokenReader reader(std::move(input), already_read);
  FileDescriptor spooled = create_unlinked(folder);
  const int duplicate = fcntl(spooled.get(), F_DUPFD_CLOEXEC, 3);
  if (duplicate < 0) throw_system_error("write", spooled.name(), errno);
  const auto output = output_to(FileDescriptor(duplicate, spooled.name()));
  TokenWriter writer(*output, reader.info());
  std::vector<TokenId> piece(static_cast<std::size_t>(kPiece));
  while (const std::size_t count = reader.read(piece)) writer.write(std::span(piece).first(count));
  writer.finish();
  output->close();
  if (::lseek(spooled.get(), 0, SEEK_SET) != 0) throw_system_error("read", spooled.name(), errno);
  TokenFile file(FileContent::read(spooled), reader.name());
  file.read_frame();
  file.info_.documents = reader.documents();
  return file;
}

// Header and trailer, against each other and the size.
void TokenFile::read_frame() {
  const std::string_view bytes = content_.text();
  info_ = parse_token_header(bytes.substr(0, kTokenHeaderSize), name_);
  const auto width = static_cast<std::uint64_t>(info_.bytes_per_token());
  if (bytes.size() < kTokenHeaderSize + kTokenTrailerSize) refuse_truncated_tokens(name_, bytes.size());
  const std::uint64_t body = bytes.size() - kTokenHeaderSize - kTokenTrailerSize;
  const std::uint64_t tokens = info_.tokens ? static_cast<std::uint64_t>(*info_.tokens) : body / width;
  TokenTrailer trailer;
  if (tokens * width > body) refuse_truncated_tokens(name_, bytes.size());
  const std::uint64_t trailer_offset = kTokenHeaderSize + tokens * width;
  if (!parse_token_trailer(bytes.substr(trailer_offset), trailer) || trailer.tokens != tokens) {
    if (info_.tokens)
      refuse_damaged_tokens(name_, "no trailer follows the " + std::to_string(tokens) + " tokens of its header");
    refuse_end(bytes, info_.bytes_per_token(), name_);
  }
  if (tokens * width != body) refuse_joined_tokens(name_, trailer_offset + kTokenTrailerSize);
  info_.tokens = static_cast<std::int64_t>(tokens);
  data_ = content_.bytes().data() + kTokenHeaderSize;
  size_ = static_cast<std::int64_t>(tokens);
  hash_ = trailer.hash;
}

void TokenFile::tokens(std::int64_t first, std::span<TokenId> out) const {
  LM_CHECK(first >= 0 && first <= size_ && static_cast<std::int64_t>(out.size()) <= size_ - first);
  decode_tokens(data_ + first * info_.bytes_per_token(), out, info_, name_, first);
}

std::int64_t TokenFile::documents() {
  if (!info_.documents) {
    std::int64_t documents = 0;
    std::vector<TokenId> piece(static_cast<std::size_t>(std::min(kPiece, size_)));
    for (std::int64_t first = 0; first < size_; first += kPiece) {
      const auto out = std::span(piece).first(static_cast<std::size_t>(std::min(kPiece, size_ - first)));
      documents += decode_tokens(data_ + first * info_.bytes_per_token(), out, info_, name_, first);
    }
    info_.documents = documents;
  }
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
  const auto width = static_cast<std::size_t>(info_.bytes_per_token());
  Hasher hasher;
  hasher.update(data_, static_cast<std::size_t>(size_) * width);
  if (hasher.digest64() != hash_) refuse_damaged_tokens(name_, "its tokens do not have the hash of its trailer");
  const std::optional<std::int64_t> stated = std::exchange(info_.documents, std::nullopt);
  if (stated && *stated != documents()) {
    refuse_damaged_tokens(
        name_, "its header counts " + std::to_string(*stated) + " documents, its tokens " + std::to_string(documents()));
  }
  documents();
}

}  // namespace lm
