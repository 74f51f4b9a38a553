#include "base/text_input.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/error.h"
#include "base/path.h"

namespace lm {

namespace {

/// Enough of a compressed file to unpack its first block, which zstd does as a whole.
constexpr std::size_t kPackedHead = std::size_t{1} << 18;

std::string beginning_of(const std::string& path) {
  const FileDescriptor opened(path == "-" ? -1 : ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK), path);
  const int descriptor = path == "-" ? STDIN_FILENO : opened.get();
  const off_t start = std::max<off_t>(0, ::lseek(descriptor, 0, SEEK_CUR));
  std::string bytes(kPackedHead, '\0');
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t count = ::pread(descriptor, bytes.data() + done, bytes.size() - done, start + static_cast<off_t>(done));
    if (count <= 0) break;
    done += static_cast<std::size_t>(count);
  }
  bytes.resize(done);
  return bytes;
}

/// Returns the kind of what is compressed in a regular file. What is damaged is text as far as it can be unpacked: whoever
/// reads it says what is wrong.
FileKind kind_inside(const std::string& path, Packing packing) {
  std::string packed = beginning_of(path);
  std::size_t used = 0;
  Unpacker unpacker(packing, path, [&](void* buffer, std::size_t size) {
    const std::size_t count = std::min(size, packed.size() - used);
    std::memcpy(buffer, packed.data() + used, count);
    used += count;
    return count;
  });
  std::string content(kKindHead, '\0');
  std::size_t size = 0;
  bool complete = false;
  try {
    while (!complete && size < content.size()) {
      const std::size_t count = unpacker.read_once(content.data() + size, content.size() - size);
      complete = count == 0;
      size += count;
    }
  } catch (const Error&) {
  }
  content.resize(size);
  if (!complete) return kind_of({.head = content, .tail = {}, .size = {}, .name = {}});
  const std::string_view tail = std::string_view(content).substr(size - std::min(size, kKindTail));
  return kind_of({.head = content, .tail = tail, .size = size, .name = {}});
}

}  // namespace

void check_text_inputs(FileUse use, const std::vector<std::string>& paths, Accept accept) {
  for (const std::string& path : paths) {
    const FileKind kind = kind_of_path(path);
    const std::optional<Packing> packing = packing_of(kind);
    if (accept == Accept::text && packing) {
      require_kind_inside(use, kind, kind_inside(path, *packing), input_name(path));
    } else if (accept == Accept::text || is_folder(kind)) {
      require_kind(use, kind, input_name(path));
    }
  }
}

bool looks_like_text(FileUse use, const std::string& path) {
  const FileKind kind = kind_of_path(path);
  const std::optional<Packing> packing = packing_of(kind);
  const FileKind content = packing ? kind_inside(path, *packing) : kind;
  return content != FileKind::binary && (packing ? suits_inside(use, content) : suits(use, content));
}

TextInput::TextInput(FileDescriptor input, FileUse use, Accept accept) : input_(std::move(input)) {
  read_head(accept);
  if (accept == Accept::anything) return;
  FileKind kind = kind_of_input(input_.get(), head_.size(), {});
  if (kind == FileKind::unknown && !head_.empty()) kind = kind_of({.head = head_, .tail = {}, .size = {}, .name = {}});
  const std::optional<Packing> packing = packing_of(kind);
  if (!packing) {
    require_kind(use, kind, name());
    return;
  }
  unpack(*packing);
  if (!head_.empty()) require_kind_inside(use, kind, kind_of({.head = head_, .tail = {}, .size = {}, .name = {}}), name());
}

/// Fills the head, which is that of the content once there is an unpacker.
void TextInput::read_head(Accept accept) {
  const auto read = [&](void* buffer, std::size_t size) {
    return unpacker_ ? unpacker_->read_once(buffer, size) : lm::read_once(input_, buffer, size);
  };
  head_.assign(kKindHead, '\0');
  std::size_t size = read(head_.data(), head_.size());
  while (accept == Accept::text && may_become_signature(std::string_view(head_).substr(0, size))) {
    const std::size_t more = read(head_.data() + size, head_.size() - size);
    if (more == 0) break;
    size += more;
  }
  head_.resize(size);
}

void TextInput::unpack(Packing packing) {
  packed_head_ = std::exchange(head_, {});
  unpacker_.emplace(packing, name(), [this](void* buffer, std::size_t size) {
    if (packed_head_.empty()) return lm::read_once(input_, buffer, size);
    const std::size_t count = std::min(size, packed_head_.size());
    std::memcpy(buffer, packed_head_.data(), count);
    packed_head_.erase(0, count);
    return count;
  });
  read_head(Accept::text);
}

std::size_t TextInput::read_once(void* buffer, std::size_t size) {
  if (given_ < head_.size()) {
    const std::size_t count = std::min(size, head_.size() - given_);
    std::memcpy(buffer, head_.data() + given_, count);
    given_ += count;
    return count;
  }
  return unpacker_ ? unpacker_->read_once(buffer, size) : lm::read_once(input_, buffer, size);
}

bool TextInput::wait(int wake) const {
  if (given_ < head_.size() || unpacker_) return true;
  std::array<pollfd, 2> polled = {pollfd{.fd = input_.get(), .events = POLLIN, .revents = 0},
                                  pollfd{.fd = wake, .events = POLLIN, .revents = 0}};
  while (::poll(polled.data(), polled.size(), -1) < 0) {
    if (errno != EINTR) return true;  // reading says what is wrong
  }
  return polled[1].revents == 0;
}

std::string read_whole_text(const std::string& path, Accept accept) {
  check_text_inputs(FileUse::text, {path}, accept);
  TextInput input(open_input(path), FileUse::text, accept);
  std::string text;
  std::string block(std::size_t{1} << 18, '\0');
  while (const std::size_t size = input.read_once(block.data(), block.size())) {
    refuse_beyond(kTextLimit, text.size() + size, input.name());
    text.append(block, 0, size);
  }
  return text;
}

}  // namespace lm
