#include "text/documents_json.h"

#include "base/error.h"
#include "base/file.h"

namespace lm {

namespace {

constexpr std::string_view kJsonBlanks = " \t\r\n";
constexpr std::string_view kJsonMark = "\xef\xbb\xbf";

bool is_json_blank(char c) { return kJsonBlanks.find(c) != std::string_view::npos; }

}  // namespace

void JsonRecords::begin(std::string_view source) {
  source_ = source;
  form_ = Form::unknown;
  record_.clear();
  number_ = 0;
  mark_ = 0;
  depth_ = 0;
  in_string_ = escaped_ = closed_ = false;
}

void JsonRecords::feed(std::string_view bytes) {
  if (form_ == Form::unknown) bytes = find_form(bytes);
  if (form_ == Form::lines) feed_lines(bytes);
  if (form_ == Form::array) feed_array(bytes);
}

/// Looks for the first character, and returns what is after a byte order mark, blanks, and the bracket of an array.
std::string_view JsonRecords::find_form(std::string_view bytes) {
  while (!bytes.empty()) {
    const char c = bytes.front();
    if (mark_ < kJsonMark.size() && c == kJsonMark[mark_]) {
      ++mark_;
    } else if (mark_ > 0 && mark_ < kJsonMark.size()) {
      record_ = kJsonMark.substr(0, mark_);
      form_ = Form::lines;
      return bytes;
    } else if (is_json_blank(c)) {
      mark_ = kJsonMark.size();
      if (c == '\n') ++number_;
    } else {
      form_ = c == '[' ? Form::array : Form::lines;
      if (c == '[') number_ = 0;
      return bytes.substr(c == '[' ? 1 : 0);
    }
    bytes.remove_prefix(1);
  }
  return bytes;
}

void JsonRecords::keep(std::string_view piece) {
  refuse_beyond({.bytes = kTextLimit.bytes, .kind = form_ == Form::array ? "an element of JSON" : "a line of JSON"},
                record_.size() + piece.size(), source_);
  record_ += piece;
}

void JsonRecords::feed_lines(std::string_view bytes) {
  for (;;) {
    const std::size_t end = bytes.find('\n');
    keep(bytes.substr(0, end));
    if (end == std::string_view::npos) return;
    take_line();
    bytes.remove_prefix(end + 1);
  }
}

void JsonRecords::take_line() {
  ++number_;
  if (record_.find_first_not_of(kJsonBlanks) != std::string::npos) visit_(record_, "line " + std::to_string(number_));
  record_.clear();
}

void JsonRecords::feed_array(std::string_view bytes) {
  for (;;) {
    if (record_.empty()) bytes.remove_prefix(std::min(bytes.find_first_not_of(kJsonBlanks), bytes.size()));
    if (bytes.empty()) return;
    if (closed_) throw Error("'" + source_ + "' has more after its JSON array; a file is one array, or JSON lines");
    const std::size_t end = scan_element(bytes);
    keep(bytes.substr(0, end));
    if (end == bytes.size()) return;
    take_element(bytes[end]);
    bytes.remove_prefix(end + 1);
  }
}

/// Returns where the element ends, at a comma or the array's bracket; bytes.size() if it does not.
std::size_t JsonRecords::scan_element(std::string_view bytes) {
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    const char c = bytes[at];
    if (in_string_) {
      if (escaped_) {
        escaped_ = false;
      } else if (c == '\\') {
        escaped_ = true;
      } else if (c == '"') {
        in_string_ = false;
      }
    } else if (c == '"') {
      in_string_ = true;
    } else if (c == '{' || c == '[') {
      ++depth_;
    } else if (depth_ == 0 && (c == ',' || c == ']')) {
      return at;
    } else if (depth_ > 0 && (c == '}' || c == ']')) {
      --depth_;
    }
  }
  return bytes.size();
}

void JsonRecords::take_element(char delimiter) {
  closed_ = delimiter == ']';
  if (record_.empty()) {
    if (closed_ && number_ == 0) return;
    throw Error("invalid JSON in '" + source_ + "': no value before the '" + delimiter + "' after element " +
                std::to_string(number_));
  }
  ++number_;
  visit_(record_, "element " + std::to_string(number_));
  record_.clear();
}

void JsonRecords::end() {
  if (form_ == Form::array && !closed_)
    throw Error("'" + source_ + "' ends inside its JSON array, after element " + std::to_string(number_) +
                ": it was cut short");
  if (!record_.empty()) take_line();
}

}  // namespace lm
