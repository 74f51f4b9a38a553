#include "tasks/train/dealt_tokens.h"

#include <sys/stat.h>

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "train/ranks/together.h"

namespace lm {

namespace {

constexpr std::int64_t kPiece = std::int64_t{1} << 18;  // tokens of a message

bool is_regular(const std::string& path) {
  struct stat status {};
  return (path == "-" ? fstat(STDIN_FILENO, &status) : stat(path.c_str(), &status)) == 0 && S_ISREG(status.st_mode);
}

/// What precedes the tokens on their way.
struct DealtHeader {
  TokenFileInfo info;
  std::int64_t tokens = 0;
};

void deal(Ranks& ranks, TokenFile& file) {
  file.documents();
  from_first(ranks, DealtHeader{.info = file.info(), .tokens = file.size()});
  std::vector<TokenId> piece(static_cast<std::size_t>(std::min(kPiece, file.size())));
  for (std::int64_t first = 0; first < file.size(); first += kPiece) {
    const auto tokens = std::span(piece).first(static_cast<std::size_t>(std::min(kPiece, file.size() - first)));
    file.tokens(first, tokens);
    ranks.broadcast(std::as_writable_bytes(tokens));
  }
}

TokenFile receive(Ranks& ranks, const std::string& path, const std::string& spool_folder) {
  const DealtHeader header = from_first(ranks, DealtHeader{});
  FileDescriptor spooled = create_unlinked(spool_folder);
  const auto output = output_beside(spooled);
  TokenWriter writer(*output, header.info);
  std::vector<TokenId> piece(static_cast<std::size_t>(std::min(kPiece, header.tokens)));
  for (std::int64_t first = 0; first < header.tokens; first += kPiece) {
    const auto tokens = std::span(piece).first(static_cast<std::size_t>(std::min(kPiece, header.tokens - first)));
    ranks.broadcast(std::as_writable_bytes(tokens));
    writer.write(tokens);
  }
  writer.finish();
  output->close();
  rewind_file(spooled);
  const int descriptor = spooled.release();
  return TokenFile::open(FileDescriptor(descriptor, path), spool_folder);
}

}  // namespace

DealtTokens open_dealt(Ranks& ranks, const std::string& path, const std::string& spool_folder) {
  const bool shared = ranks.size() == 1 || from_first(ranks, is_regular(path) && path != "-");
  if (shared) return {.file = together(ranks, [&] { return TokenFile::open(path, spool_folder); })};
  std::optional<TokenFile> file;
  together(ranks, [&] {
    if (ranks.rank() == 0) file = TokenFile::open(path, spool_folder);
  });
  if (ranks.rank() > 0) return {.file = receive(ranks, path, spool_folder), .shared = false};
  deal(ranks, *file);
  return {.file = std::move(*file), .shared = false};
}

}  // namespace lm
