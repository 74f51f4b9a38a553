#include "text/documents.h"

#include <algorithm>
#include <optional>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/path.h"
#include "base/suggest.h"
#include "text/uncut_text.h"

namespace lm {

namespace {

/// Returns the separator that is written so: \n, \r, \t, \0 and \\ are a newline, a carriage return, a tab, a NUL byte and a
/// backslash.
std::string read_separator(std::string_view text) {
  constexpr std::string_view kLetters = "nrt0\\", kMeanings{"\n\r\t\0\\", 5};
  std::string separator;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      separator += text[i];
      continue;
    }
    ++i;
    const std::size_t letter = i < text.size() ? kLetters.find(text[i]) : std::string_view::npos;
    if (letter == std::string_view::npos) {
      throw Error("unknown escape '" + std::string(text.substr(i - 1, 2)) +
                  "' in the separator; known are \\n, \\r, \\t, \\0, and \\\\ for a backslash");
    }
    separator += kMeanings[letter];
  }
  return separator;
}

/// Returns the strings of a list of nothing else; nothing if it is something else.
std::optional<std::vector<std::string>> strings_of(const JsonValue& value) {
  const JsonValue::Array* values = value.if_array();
  if (values == nullptr) return std::nullopt;
  std::vector<std::string> strings;
  for (const JsonValue& one : *values) {
    if (one.if_string() == nullptr) return std::nullopt;
    strings.push_back(*one.if_string());
  }
  return strings;
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

}  // namespace

DocumentKind parse_document_kind(std::string_view text) {
  using Kind = DocumentKind::Kind;
  const std::size_t colon = std::min(text.find(':'), text.size());
  const bool has_detail = colon < text.size();
  const std::string_view detail = text.substr(std::min(colon + 1, text.size()));
  const std::optional<Kind> kind = find_choice<Kind>(text.substr(0, colon));
  if (kind == Kind::separator && has_detail) {
    if (detail.empty()) throw Error("the separator is empty; expected separator:STRING, such as separator:\\n\\n");
    return {*kind, read_separator(detail)};
  }
  if (kind == Kind::jsonl) {
    if (has_detail && detail.empty()) throw Error("the field's name is empty; expected jsonl:FIELD, such as jsonl:text");
    return {*kind, std::string(detail)};
  }
  if (kind && kind != Kind::separator && !has_detail) return {*kind, {}};
  throw Error("expected file, line, nul, jsonl[:FIELD] or separator:STRING" +
              did_you_mean(similar_words(text, {"file", "line", "nul", "jsonl", "separator:"})));
}

std::string document_delimiter(const DocumentKind& kind) {
  switch (kind.kind) {
    case DocumentKind::Kind::file:
      return {};
    case DocumentKind::Kind::line:
      return "\n";
    case DocumentKind::Kind::nul:
      return std::string(1, '\0');
    case DocumentKind::Kind::separator:
      return kind.detail;
    case DocumentKind::Kind::jsonl:
      break;
  }
  throw Error(
      "cannot join documents as 'jsonl': their other fields are not in the tokens; use file, line, nul or separator");
}

DocumentSplitter::DocumentSplitter(DocumentKind kind, DocumentSink sink)
    : kind_(std::move(kind)),
      sink_(std::move(sink)),
      records_([this](std::string_view record, const std::string& place) { take_record(record, place); }) {
  if (kind_.kind != DocumentKind::Kind::separator) return;
  // Knuth, Morris and Pratt (1977): when a match breaks off, how much of it may still be the beginning of one.
  const std::string& separator = kind_.detail;
  failure_.assign(separator.size() + 1, 0);
  for (std::size_t i = 1, length = 0; i < separator.size(); ++i) {
    while (length > 0 && separator[i] != separator[length]) length = failure_[length];
    if (separator[i] == separator[length]) ++length;
    failure_[i + 1] = length;
  }
}

void DocumentSplitter::begin_input(std::string_view source) {
  source_ = source;
  records_.begin(source);
  in_document_ = false;
  matched_ = 0;
}

void DocumentSplitter::emit(std::string_view piece) {
  if (piece.empty()) return;
  in_document_ = true;
  try {
    sink_.text(piece);
  } catch (const UncutText& error) {
    throw Error("cannot use '" + source_ + "' as a text: " + error.what());
  }
}

void DocumentSplitter::end_document() {
  in_document_ = false;
  sink_.end();
}

void DocumentSplitter::feed(std::string_view bytes) {
  switch (kind_.kind) {
    case DocumentKind::Kind::file:
      return emit(bytes);
    case DocumentKind::Kind::line:
      return feed_byte_delimited(bytes, '\n');
    case DocumentKind::Kind::nul:
      return feed_byte_delimited(bytes, '\0');
    case DocumentKind::Kind::jsonl:
      return records_.feed(bytes);
    case DocumentKind::Kind::separator:
      return feed_separated(bytes);
  }
}

void DocumentSplitter::feed_byte_delimited(std::string_view bytes, char delimiter) {
  for (;;) {
    const std::size_t end = bytes.find(delimiter);
    emit(bytes.substr(0, end));
    if (end == std::string_view::npos) return;
    end_document();
    bytes.remove_prefix(end + 1);
  }
}

void DocumentSplitter::feed_separated(std::string_view bytes) {
  const std::string& separator = kind_.detail;
  std::size_t start = 0;        // of what is known to be text and not handed on yet
  std::size_t held = matched_;  // bytes of the running match that came in earlier calls
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    while (matched_ > 0 && bytes[at] != separator[matched_]) {
      const std::size_t released = matched_ - failure_[matched_];  // these turned out to be text
      const std::size_t earlier = std::min(released, held);
      emit(std::string_view(separator).substr(0, earlier));
      held -= earlier;
      matched_ = failure_[matched_];
    }
    if (bytes[at] == separator[matched_]) ++matched_;
    if (matched_ < separator.size()) continue;
    const std::size_t match_here = separator.size() - held;  // bytes of the separator in this call
    emit(bytes.substr(start, at + 1 - match_here - start));
    end_document();
    start = at + 1;
    matched_ = held = 0;
  }
  emit(bytes.substr(start, bytes.size() - (matched_ - held) - start));
}

void DocumentSplitter::take_record(std::string_view record, const std::string& place) {
  JsonValue value;
  try {
    value = JsonValue::parse(record, source_);
  } catch (const Error& error) {
    throw Error(place + ": " + error.what());
  }
  const std::string field = kind_.detail.empty() ? "text" : kind_.detail;
  const JsonValue* text = kind_.detail.empty() && value.if_string() != nullptr ? &value : value.find(field);
  const std::optional<std::vector<std::string>> words = text == nullptr ? std::nullopt : strings_of(*text);
  if (text == nullptr || (text->if_string() == nullptr && !words)) {
    throw Error("no string '" + field + "' in " + place + " of '" + source_ + "'; name the field with jsonl:FIELD");
  }
  if (sink_.json)
    sink_.json(
        {.record = record, .value = value, .words = words ? &*words : nullptr, .place = place + " of '" + source_ + "'"});
  emit(words ? joined(*words) : *text->if_string());
  end_document();
}

void DocumentSplitter::end_input() {
  switch (kind_.kind) {
    case DocumentKind::Kind::file:
      return end_document();
    case DocumentKind::Kind::jsonl:
      return records_.end();
    case DocumentKind::Kind::separator:
      emit(std::string_view(kind_.detail).substr(0, matched_));
      break;
    case DocumentKind::Kind::line:
    case DocumentKind::Kind::nul:
      break;
  }
  if (in_document_) end_document();
}

void split_documents(const std::vector<std::string>& paths, const DocumentKind& kind, const DocumentSink& sink) {
  constexpr std::size_t kBlock = std::size_t{1} << 18;
  std::vector<char> block(kBlock);
  DocumentSplitter splitter(kind, sink);
  const std::vector<std::string> standard_input = {"-"};
  check_text_inputs(FileUse::text, paths, kind.accept);
  for (const std::string& path : paths.empty() ? standard_input : paths) {
    TextInput input(open_input(path), FileUse::text, kind.accept);
    splitter.begin_input(input.name());
    while (const std::size_t size = input.read_once(block.data(), block.size())) splitter.feed({block.data(), size});
    splitter.end_input();
  }
}

void for_each_document(const std::vector<std::string>& paths, const DocumentKind& kind,
                       const std::function<void(std::string_view document)>& visit) {
  std::string document;
  const std::string name = input_name(paths.empty() ? "-" : paths.front());
  split_documents(paths, kind,
                  {.text =
                       [&](std::string_view piece) {
                         refuse_beyond(kTextLimit, document.size() + piece.size(), paths.size() > 1 ? "the input" : name);
                         document += piece;
                       },
                   .end =
                       [&] {
                         visit(document);
                         document.clear();
                       }});
}

}  // namespace lm
