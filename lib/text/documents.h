// Cutting streams into documents (file, line, nul, jsonl, separator), and the delimiter that joins them again.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/choice.h"
#include "base/json.h"
#include "base/text_input.h"
#include "text/documents_json.h"

namespace lm {

/// How inputs are cut into documents (--documents), and whether bytes that are no text are accepted (--binary). A delimiter
/// ends a document and is not part of it; a last document without its delimiter counts, an empty one does not.
struct DocumentKind {
  enum class Kind { file, line, nul, jsonl, separator };
  Kind kind = Kind::file;
  std::string detail;  // jsonl: the field that was named, if any; separator: the string, not empty
  Accept accept = Accept::text;
};

template <>
inline constexpr auto kChoices<DocumentKind::Kind> =
    choice_table<DocumentKind::Kind>("kind of document", {{"file", DocumentKind::Kind::file},
                                                          {"line", DocumentKind::Kind::line},
                                                          {"nul", DocumentKind::Kind::nul},
                                                          {"jsonl", DocumentKind::Kind::jsonl},
                                                          {"separator", DocumentKind::Kind::separator}});

/// Parses "file", "line", "nul", "jsonl", "jsonl:FIELD" or "separator:STRING"; throws Error for anything else.
DocumentKind parse_document_kind(std::string_view text);

/// Returns what follows each document when they are joined: nothing for `file`. Throws Error for jsonl, which has none.
std::string document_delimiter(const DocumentKind& kind);

/// A document that comes as JSON.
struct JsonDocument {
  std::string_view record;                // all of it, as it came
  const JsonValue& value;                 // the same, parsed
  const std::vector<std::string>* words;  // if its text is a list of words, which one space each is put between; else null
  std::string place;                      // "line 3 of 'x.jsonl'"
};

/// Receives the pieces of a document in order, then its end.
struct DocumentSink {
  std::function<void(std::string_view piece)> text;
  std::function<void()> end;
  std::function<void(const JsonDocument& document)> json = {};  // before its text; of jsonl only
};

/// Cuts inputs into documents as their bytes come. Memory: a constant; for jsonl the longest line or element.
class DocumentSplitter {
 public:
  DocumentSplitter(DocumentKind kind, DocumentSink sink);
  DocumentSplitter(const DocumentSplitter&) = delete;
  DocumentSplitter& operator=(const DocumentSplitter&) = delete;
  /// Starts an input; `source` names it in messages.
  void begin_input(std::string_view source);
  void feed(std::string_view bytes);
  /// Ends the input, and with it the document: none spans two inputs.
  void end_input();

 private:
  void feed_byte_delimited(std::string_view bytes, char delimiter);
  void feed_separated(std::string_view bytes);
  void take_record(std::string_view record, const std::string& place);
  void emit(std::string_view piece);
  void end_document();

  DocumentKind kind_;
  DocumentSink sink_;
  std::string source_;
  JsonRecords records_;               // jsonl
  bool in_document_ = false;          // bytes of the current document have come
  std::size_t matched_ = 0;           // separator: how many of its bytes the input's end matches
  std::vector<std::size_t> failure_;  // separator: length of the longest proper border of each prefix
};

/// Reads every path ("-" is standard input; no path: standard input) through a DocumentSplitter, compressed ones unpacked.
/// Throws Error, before it reads any, if one is recognized as something else than text, unless kind.accept says otherwise.
void split_documents(const std::vector<std::string>& paths, const DocumentKind& kind, const DocumentSink& sink);

/// Does the same with each document whole: takes memory for the longest document.
void for_each_document(const std::vector<std::string>& paths, const DocumentKind& kind,
                       const std::function<void(std::string_view document)>& visit);

}  // namespace lm
