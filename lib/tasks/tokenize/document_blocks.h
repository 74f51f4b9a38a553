// Texts in blocks of about a megabyte that can be encoded one by one, in any order and on any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/text_input.h"
#include "text/documents.h"
#include "text/segment_encoder.h"

namespace lm {

/// A document, or part of one, in the text of a block.
struct TextPart {
  std::size_t begin = 0, end = 0;
  std::uint64_t offset = 0;  // of `begin` in the document
  bool ends = false;         // the document ends here; if not, it may be cut here with the same tokens
  /// Its tokens, if they had to be found while it was read.
  std::optional<std::vector<TokenId>> tokens = {};

  bool begins() const { return offset == 0; }
};

struct TextBlock {
  std::string text;
  std::vector<TextPart> parts;
};

/// Reads texts and cuts them into documents and blocks. Where a document has no place to cut it for long, or its tokenizer takes
/// documents whole, it is encoded as it is read.
class DocumentBlocks {
 public:
  /// The encoder is used by next() only. No path, and "-": standard input. Throws Error, before it reads any, if an input is
  /// recognized as something else than text, unless kind.accept says otherwise.
  DocumentBlocks(std::vector<std::string> paths, const DocumentKind& kind, SegmentEncoder& encoder);

  /// Gives the next block; false if there are no more. Throws Error.
  bool next(TextBlock& block);

 private:
  static constexpr std::size_t kBlock = std::size_t{1} << 20;  // bytes of a block, or a little more
  static constexpr std::size_t kParts = std::size_t{1} << 15;  // documents of a block, or not many more: they may be empty
  static constexpr std::size_t kRead = std::size_t{1} << 18, kFed = std::size_t{1} << 14;

  void read_more();
  void take(std::string_view piece);
  void end_document();
  void hand_out(TextBlock& block);
  std::size_t encode(TextPart& part, const TextBlock& block);

  std::vector<std::string> paths_;
  DocumentKind kind_;
  SegmentEncoder& encoder_;
  DocumentSplitter splitter_;
  std::size_t next_path_ = 0;
  std::unique_ptr<TextInput> input_;
  std::vector<char> buffer_;
  std::string_view unread_;  // what has been read into it and not been split

  TextBlock pending_;         // what has been read and not been given
  bool in_document_ = false;  // the last part of it has not ended
  std::size_t enough_ = kBlock;
};

}  // namespace lm
