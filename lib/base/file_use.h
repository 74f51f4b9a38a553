// What a file is to be used as, and what to do if it is something else: one table for all programs.
#pragma once

#include <string>
#include <string_view>

#include "base/file_kind.h"

namespace lm {

enum class FileUse {
  model,
  tokenizer,
  tokens,       // a token stream
  llmc_tokens,  // --from llmc
  raw_tokens,   // --from raw
  ids,          // --from ids
  state,
  text,
  scored,  // text or a token stream
  config,
  counts,
};
constexpr std::size_t kFileUses = static_cast<std::size_t>(FileUse::counts) + 1;

/// Returns true if a reader for `use` is to look at files of this kind: it reads them, or has a better message on what they
/// lack.
bool suits(FileUse use, FileKind kind);

/// Throws Error unless suits(use, kind): "cannot use 'c.tok' as a model: it is a token stream (lm-tokens); ...", with what
/// to do about it.
void require_kind(FileUse use, FileKind kind, const std::string& name);

/// Does the same for a path, before it is opened.
void require_kind(FileUse use, const std::string& path);

/// Does the same for what may have been read from a pipe, by its first bytes.
void require_kind_of_bytes(FileUse use, std::string_view head, const std::string& name);

/// Returns true if a reader for `use` is to look at what it unpacks of a compressed file: at texts, not at token streams.
bool suits_inside(FileUse use, FileKind content);

/// Throws Error unless suits_inside(use, content), for a compressed input of that name.
void require_kind_inside(FileUse use, FileKind packed, FileKind content, const std::string& name);

}  // namespace lm
