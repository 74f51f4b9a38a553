#include "base/text_input.h"

#include "base/path.h"

namespace lm {

void check_text_inputs(FileUse use, const std::vector<std::string>& paths, Accept accept) {
  for (const std::string& path : paths) {
    const FileKind kind = kind_of_path(path);
    if (accept == Accept::text || is_folder(kind)) require_kind(use, kind, input_name(path));
  }
}

std::string read_text_head(const FileDescriptor& input, FileUse use, Accept accept) {
  std::string head(kKindHead, '\0');
  std::size_t size = read_once(input, head.data(), head.size());
  while (accept == Accept::text && may_become_signature(std::string_view(head).substr(0, size))) {
    const std::size_t more = read_once(input, head.data() + size, head.size() - size);
    if (more == 0) break;
    size += more;
  }
  head.resize(size);
  if (accept == Accept::anything) return head;
  const FileKind kind = kind_of_input(input.get(), size, {});
  if (kind != FileKind::unknown) {
    require_kind(use, kind, input.name());
  } else if (size > 0) {
    require_kind_of_bytes(use, head, input.name());
  }
  return head;
}

std::string read_whole_text(const std::string& path, Accept accept) {
  check_text_inputs(FileUse::text, {path}, accept);
  const FileContent content = FileContent::read(path, kTextLimit);
  if (accept == Accept::text && kind_of_path(path) == FileKind::unknown && !content.text().empty())
    require_kind_of_bytes(FileUse::text, content.text(), content.name());
  return std::string(content.text());
}

}  // namespace lm
