#include "text/files/gguf_export_check.h"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "base/gguf.h"
#include "base/utf8.h"
#include "text/files/foreign.h"
#include "text/files/gguf_vocabulary.h"
#include "text/tokenizer_tables.h"

namespace lm {

namespace {

constexpr std::string_view kProbe =
    "The quick brown fox can't stop; it's over 12345 lazy dogs, 3.14159 of them!\n\n\tif (x != 0) {\r\n    return "
    "foo_bar(a[1], "
    "\"b\");  // CamelCase HTMLParser 2026-11-30T12:00\n}   \n \n\n  end's 'LL we'RE   \xC3\xBC"
    "ber na\xC3\xAFve \xE4\xBD\xA0\xE5\xA5\xBD"
    "\xE4\xB8\x96\xE7\x95\x8C \xD0\x9F\xD1\x80\xD0\xB8\xD0\xB2\xD0\xB5\xD1\x82 \xF0\x9F\x99\x82\xF0\x9F\x9A\x80 "
    "x\xC2\xB2+y\xC2\xB3 ... ??? --- ===\n";

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

}  // namespace

Tokenizer read_back(const GgufFields& fields, std::string_view target) {
  const std::string name(target);
  FileDescriptor file(memfd_create("vocabulary", MFD_CLOEXEC), name);
  if (file.get() < 0) throw_system_error("create a temporary file for", name, errno);
  const std::unique_ptr<OutputStream> output = output_beside(file);
  write_gguf(*output, fields, {});
  output->close();
  rewind_file(file);
  const GgufFile gguf(RandomAccessFile(std::move(file), name));
  return Tokenizer(parts_of(read_gguf_vocabulary(gguf), target), {}, target);
}

std::string first_difference(const Tokenizer& tokenizer, const Tokenizer& other, const GgufDifferences& known) {
  const auto differs = [&](std::string_view text) {
    if (!is_utf8(text) || text.empty() || (known.beyond_ascii && !is_ascii(text))) return false;
    if (known.leading_spaces && text.front() == ' ') return false;
    const std::vector<TokenId> ids = tokenizer.encode(text);
    if (tokenizer.loses_text() && tokenizer.decode(ids) != text) return false;
    return other.encode(text) != ids;
  };
  for (std::size_t begin = 0; begin < kProbe.size();) {
    const std::size_t end = std::min(kProbe.find('\n', begin), kProbe.size() - 1) + 1;
    if (differs(kProbe.substr(begin, end - begin))) return std::string(kProbe.substr(begin, end - begin));
    begin = end;
  }
  if (differs(kProbe)) return std::string(kProbe);
  const TokenizerParts& parts = tokenizer.tables().parts;
  const std::vector<bool> is_added = added_ids(parts.added, parts.tokens.size());
  for (TokenId id = 0; id < tokenizer.vocab_size(); ++id) {
    if (tokenizer.is_special(id) || is_added[id]) continue;  // llama.cpp takes some by their names
    for (const std::string& text : {std::string(tokenizer.bytes_of(id)), "a " + std::string(tokenizer.bytes_of(id)) + "b"}) {
      if (differs(text)) return text;
    }
  }
  return {};
}

}  // namespace lm
